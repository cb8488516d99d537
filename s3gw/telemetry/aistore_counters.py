"""AIStore's counters of operations: requests, failures and durations.

They count both front ends together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from s3gw.telemetry import tier_counters
from s3gw.telemetry.request_counts import NATIVE

# Keyed by the operation's name, without the prefix of the native API.
_NAMES: Mapping[str, str] = {
    "GetObject": "get",
    "PutObject": "put",
    "PostObject": "put",
    "UploadPart": "put",
    "HeadObject": "head",
    "HeadBucket": "head",
    "DeleteObject": "del",
    "DeleteObjects": "del",
    "RenameObject": "ren",
    "ListObjects": "lst",
    "ListObjectsV2": "lst",
    "GetBatch": "getbatch",
    "GetBatchOfBucket": "getbatch",
}
_NS = 1_000_000_000
_TOTALS = {
    "s3gw_object_sent_bytes_total": "get.size",
    "s3gw_object_received_bytes_total": "put.size",
}
# Our counters of batches, by kind of entry.
_ENTRIES = {
    ("s3gw_getbatch_entries_total", "object"): "getbatch.obj.n",
    ("s3gw_getbatch_entries_total", "member"): "getbatch.file.n",
    ("s3gw_getbatch_entries_total", "failed"): "err.soft.getbatch.n",
    ("s3gw_getbatch_bytes_total", "object"): "getbatch.obj.size",
    ("s3gw_getbatch_bytes_total", "member"): "getbatch.file.size",
}
# Counters of the fast tier, by some labels. Of a backend, AIStore's names begin with the provider.
_PROVIDERS: Mapping[str, str] = {"ais": "remais", "aws": "aws", "azure": "azure", "gcp": "gcp"}
_TO_BACKENDS = ("get", "head", "put")
_BYTES_OF_BACKENDS = {
    f"{tier_counters.RECEIVED}_total": "get.size",
    f"{tier_counters.SENT}_total": "put.size",
}
_OF_TIER: Mapping[tuple[str, str], str] = {
    (f"{tier_counters.EVICTED}_total", "lru"): "lru.evict.n",
    (f"{tier_counters.EVICTED_BYTES}_total", "lru"): "lru.evict.size",
    (f"{tier_counters.BLOBS}_total", "good"): "getblob.n",
    (f"{tier_counters.BLOBS}_total", "failed"): "err.getblob.n",
    (f"{tier_counters.BLOB_BYTES}_total", ""): "getblob.size",
    (f"{tier_counters.REPEATED}_total", "get"): "ratelim.retry.get.n",
    (f"{tier_counters.REPEATED}_total", "put"): "ratelim.retry.put.n",
}
_PAUSES = f"{tier_counters.PAUSES}_total"
_SECONDS_TO_BACKENDS = f"{tier_counters.DURATIONS}_sum"
_REQUESTS_TO_BACKENDS = f"{tier_counters.REQUESTS}_total"
# Waiting for other targets, and sleeping under load, which one node does not do.
_NEVER = ("getbatch.rxwait.ns", "getbatch.throttle.ns")
UPTIME = "up.ns.time"
# Flags of the node's state.
STATE = "state.flags"
_NOT_COUNTED = frozenset({UPTIME, STATE})
_OWN_NAMES = "getbatch"


def kinds() -> dict[str, str]:
    """Return AIStore's kind of metric for every name."""
    made: dict[str, str] = {}
    for name in dict.fromkeys(_NAMES.values()):
        made |= {f"{name}.n": "counter", f"err.{name}.n": "counter", f"{name}.ns.total": "total"}
    made |= {name: "size" if "size" in name else "counter" for name in _ENTRIES.values()}
    made |= dict.fromkeys(_NEVER, "total")
    made |= dict.fromkeys(_TOTALS.values(), "size")
    made |= {name: "size" if "size" in name else "counter" for name in _OF_TIER.values()}
    made |= dict.fromkeys(("ratelim.retry.get.ns.total", "ratelim.retry.put.ns.total"), "total")
    for provider in _PROVIDERS.values():
        for request in _TO_BACKENDS:
            made |= {
                f"{provider}.{request}.n": "counter",
                f"{provider}.{request}.ns.total": "total",
            }
        made |= {f"{provider}.{name}": "size" for name in _BYTES_OF_BACKENDS.values()}
    return made | {UPTIME: "special", STATE: "gauge"}


def counters(families: Iterable[Metric]) -> Mapping[str, int]:
    """Return the sums of the metrics, in numbers and nanoseconds, for all names, even if 0."""
    counted: Counter[str] = Counter()
    for family in families:
        for sample in family.samples:
            _count_tier(counted, sample)
            entry = _ENTRIES.get((sample.name, sample.labels.get("kind", "")))
            if entry:
                counted[entry] += int(sample.value)
            name = _NAMES.get(sample.labels.get("operation", "").removeprefix(NATIVE))
            if sample.name in _TOTALS:
                counted[_TOTALS[sample.name]] += int(sample.value)
            elif name and sample.name == "s3gw_requests_total":
                counted[f"{name}.n"] += int(sample.value)
                if sample.labels["status"] >= "400":
                    counted[f"err.{name}.n"] += int(sample.value)
            elif name and sample.name == "s3gw_request_duration_seconds_sum":
                counted[f"{name}.ns.total"] += int(sample.value * _NS)
    return {name: counted[name] for name in kinds() if name not in _NOT_COUNTED}


def _count_tier(counted: Counter[str], sample: Sample) -> None:
    labels = sample.labels
    named = _OF_TIER.get(
        (sample.name, labels.get("cause") or labels.get("outcome") or labels.get("request", ""))
    )
    if named is not None:
        counted[named] += int(sample.value)
        return
    if sample.name == _PAUSES:
        counted[f"ratelim.retry.{labels['request']}.ns.total"] += int(sample.value * _NS)
    provider = _PROVIDERS.get(labels.get("provider", ""))
    if provider is None:
        return
    if sample.name in _BYTES_OF_BACKENDS:
        counted[f"{provider}.{_BYTES_OF_BACKENDS[sample.name]}"] += int(sample.value)
    elif sample.name == _REQUESTS_TO_BACKENDS:
        counted[f"{provider}.{labels['request']}.n"] += int(sample.value)
    elif sample.name == _SECONDS_TO_BACKENDS:
        counted[f"{provider}.{labels['request']}.ns.total"] += int(sample.value * _NS)


def prometheus_name(name: str) -> str:
    """Return a counter's name in AIStore's metrics, by which its dashboards find it."""
    if _OWN_NAMES not in name:
        name = re.sub(r"\.n$", ".count", re.sub(r"\.size$", ".bytes", name))
    return "ais_target_" + name.replace(".", "_")


class AistoreCounters(Collector):
    """The counters as AIStore's targets show them to Prometheus."""

    def __init__(self, counted: Mapping[str, int], node: str) -> None:
        self._counted = counted
        self._node = node

    def collect(self) -> Iterable[Metric]:
        for name, value in self._counted.items():
            # AIStore's names do not end as those of Prometheus' counters do.
            metric = Metric(prometheus_name(name), f"AIStore's {name}.", "unknown")
            metric.add_sample(metric.name, {"node_id": self._node}, value)
            yield metric
