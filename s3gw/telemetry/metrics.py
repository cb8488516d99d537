"""Prometheus metrics.

Several workers answer on one socket, so a scrape reaches any of them. The counters are in files of
a folder shared by all workers (prometheus_client's multiprocess mode, switched on by the variable
`PROMETHEUS_MULTIPROC_DIR`, which a process needs before it makes its `Metrics`), and the scraped
worker adds them up. Requests are counted in the process first, and handed to those counters twice a
second and before a scrape. Gauges are read from the store at the time of a scrape.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from cluster.lifecycle.walk import Tally
from s3gw.events.notifier import Outcome
from s3gw.telemetry.aistore_counters import AistoreCounters, counters
from s3gw.telemetry.bucket_log_recorder import Fate
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.request_counts import RequestCounts, WithDurations
from s3gw.telemetry.tier_counters import TierCounters
from storage.values import Usage

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_HANDED_OVER_S = 0.5


class Metrics:
    """The counters of this process.

    `process` names its files; a replacement of a dead process continues to count in them. The
    package would name them by process id, and look that up at each increment.
    """

    def __init__(self, process: str) -> None:
        _count_in_files(process)
        self.registry = CollectorRegistry()
        self._counts = RequestCounts(self.registry)
        self.tier = TierCounters(self.registry)
        self._events = Counter(
            "s3gw_notifications_total",
            "Events of buckets, by target and what became of them.",
            ("target", "outcome"),
            registry=self.registry,
        )
        self._lines = Counter(
            "s3gw_bucket_log_lines_total",
            "Lines of access logs of buckets, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )

    def record(self, exchange: Exchange) -> None:
        """Count a request; it is seen in the metrics half a second later at most."""
        if self._counts.add(exchange):
            asyncio.get_running_loop().call_later(_HANDED_OVER_S, self.flush)

    def flush(self) -> None:
        """Show what was counted."""
        self._counts.hand_over()
        self.tier.hand_over()

    def count_events(self, target: str, outcome: Outcome, count: int) -> None:
        self._events.labels(target, outcome.value).inc(count)

    def count_lines(self, fate: Fate, count: int) -> None:
        self._lines.labels(fate.value).inc(count)

    def text(self, usage: Usage, node: str) -> bytes:
        """Return all workers' counters, and the store's usage, as Prometheus' text; the counters
        under AIStore's names too, as those of that node."""
        more = CollectorRegistry()
        more.register(_UsageGauges(usage))
        more.register(AistoreCounters(self.native_counters(), node))
        everybodys = CollectorRegistry()
        everybodys.register(self._everybodys())
        return generate_latest(everybodys) + generate_latest(more)

    def native_counters(self) -> Mapping[str, int]:
        """Return all workers' counters under AIStore's names."""
        return counters(self._everybodys().collect())

    def _everybodys(self) -> Collector:
        self.flush()
        registry = self.registry
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return WithDurations(registry)


def _count_in_files(process: str) -> None:
    if os.environ.get(FOLDER_VARIABLE):
        values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]


class LifecycleCounters:
    """Actions of the lifecycle worker, counted in the maintenance process."""

    def __init__(self, process: str) -> None:
        _count_in_files(process)
        self.registry = CollectorRegistry()
        self._actions = Counter(
            "s3gw_lifecycle_total",
            "What the lifecycle rules of buckets looked at and did, by kind.",
            ("kind",),
            registry=self.registry,
        )

    def add(self, tally: Tally) -> None:
        for kind in tally.__struct_fields__:
            self._actions.labels(kind).inc(getattr(tally, kind))


class MetricsApp:
    """Answers a scrape, in Prometheus' text format."""

    def __init__(self, metrics: Metrics, usage: Callable[[], Awaitable[Usage]], node: str) -> None:
        self._metrics = metrics
        self._usage = usage
        self._node = node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await asyncio.to_thread(self._metrics.text, await self._usage(), self._node)
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )


class _UsageGauges(Collector):
    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def collect(self) -> Iterable[Metric]:
        usage = self._usage
        yield GaugeMetricFamily("s3gw_buckets", "Buckets.", usage.buckets)
        yield GaugeMetricFamily("s3gw_objects", "Objects.", usage.objects)
        yield GaugeMetricFamily("s3gw_stored_bytes", "Bytes of all objects.", usage.stored_bytes)
        yield GaugeMetricFamily("s3gw_capacity_bytes", "Size of the disks.", usage.capacity_bytes)
        yield GaugeMetricFamily("s3gw_free_bytes", "Room left on the disks.", usage.free_bytes)
        room = "1 while objects can be written; 0 on a full disk, for reading and deleting."
        yield GaugeMetricFamily("s3gw_has_room", room, int(usage.has_room))
