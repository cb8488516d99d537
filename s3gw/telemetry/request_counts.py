"""Requests of a process, counted until they are handed to Prometheus' counters.

Counting a request in the files that the workers share costs some 5 µs; here it costs a few tenths
of one, and what was counted is handed over twice a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from threading import Lock

from msgspec import Struct, field
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from s3gw.telemetry.exchange import Exchange

# A request that was refused before its operation was known.
NO_OPERATION = "none"
DURATIONS = "s3gw_request_duration_seconds"

# The prefix of the native API's operations, and the operations whose bodies are of objects.
NATIVE = "native."
READS = frozenset({"GetObject"})
WRITES = frozenset({"PutObject", "PostObject", "UploadPart", "AppendObject"})
_REFUSED = 400
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BOUNDS = tuple(map(floatToGoString, (*_SECONDS, float("inf"))))
# Names in the shared files only.
_BUCKETS, _SUM = f"{DURATIONS}_buckets", f"{DURATIONS}_sums"


class _Counted(Struct):
    """Requests of one operation with one status: how many took how long, by bucket, and all their
    seconds and bytes together."""

    buckets: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))
    seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0


class RequestCounts:
    """`add` for each request; `hand_over` may be called by any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "s3gw_requests_total",
            "Requests answered, by S3 operation and HTTP status.",
            ("operation", "status"),
            registry=registry,
        )
        self._received = Counter(
            "s3gw_received_bytes_total", "Bytes of request bodies.", registry=registry
        )
        self._sent = Counter(
            "s3gw_sent_bytes_total", "Bytes of response bodies.", registry=registry
        )
        self._objects_in = Counter(
            "s3gw_object_received_bytes_total",
            "Bytes of the bodies of objects and parts that were written.",
            registry=registry,
        )
        self._objects_out = Counter(
            "s3gw_object_sent_bytes_total",
            "Bytes of objects that were read, one in each answer.",
            registry=registry,
        )
        self._buckets = Counter(_BUCKETS, "As below.", ("operation", "le"), registry=registry)
        self._sums = Counter(_SUM, "As below.", ("operation",), registry=registry)
        self._lock = Lock()
        self._counted: dict[tuple[str, int], _Counted] = {}

    def add(self, exchange: Exchange) -> bool:
        """Return whether it is the first since all was handed over."""
        key = exchange.operation, exchange.status
        with self._lock:
            is_first = not self._counted
            counted = self._counted.get(key)
            if counted is None:
                counted = self._counted[key] = _Counted()
            counted.buckets[bisect_left(_SECONDS, exchange.seconds)] += 1
            counted.seconds += exchange.seconds
            counted.bytes_in += exchange.bytes_in
            counted.bytes_out += exchange.bytes_out
        return is_first

    def hand_over(self) -> None:
        with self._lock:
            counted, self._counted = self._counted, {}
        for (operation, status), each in counted.items():
            name = operation or NO_OPERATION
            self._requests.labels(name, str(status)).inc(sum(each.buckets))
            self._sums.labels(name).inc(each.seconds)
            for bound, count in zip(_BOUNDS, each.buckets, strict=True):
                if count:
                    self._buckets.labels(name, bound).inc(count)
            self._received.inc(each.bytes_in)
            self._sent.inc(each.bytes_out)
            if status < _REFUSED:
                plain = name.removeprefix(NATIVE)
                self._objects_in.inc(each.bytes_in if plain in WRITES else 0)
                self._objects_out.inc(each.bytes_out if plain in READS else 0)


class WithDurations(Collector):
    """What another collector has, with the durations as a histogram."""

    def __init__(self, counted: Collector) -> None:
        self._counted = counted

    def collect(self) -> Iterable[Metric]:
        buckets: dict[str, dict[str, float]] = {}
        sums: dict[str, float] = {}
        for family in self._counted.collect():
            if family.name not in (_BUCKETS, _SUM):
                yield family
                continue
            for sample in family.samples:
                operation = sample.labels["operation"]
                if not sample.name.endswith("_total"):
                    continue
                if family.name == _SUM:
                    sums[operation] = sample.value
                else:
                    buckets.setdefault(operation, {})[sample.labels["le"]] = sample.value
        yield _histogram(buckets, sums)


def _histogram(
    buckets: dict[str, dict[str, float]], sums: dict[str, float]
) -> HistogramMetricFamily:
    made = HistogramMetricFamily(
        DURATIONS, "Time from a request's head to the end of its answer.", labels=["operation"]
    )
    for operation, counts in buckets.items():
        upto = 0.0
        rows: list[tuple[str, float]] = []
        for bound in _BOUNDS:
            upto += counts.get(bound, 0.0)
            rows.append((bound, upto))
        made.add_metric([operation], rows, sums.get(operation, 0.0))
    return made
