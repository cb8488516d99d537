"""AIStore's counters of operations: requests, failures and durations.

They count both front ends together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric

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
_NATIVE = "native."
_NS = 1_000_000_000
_TOTALS = {"s3gw_sent_bytes_total": "get.size", "s3gw_received_bytes_total": "put.size"}
UPTIME = "up.ns.time"


def kinds() -> dict[str, str]:
    """Return AIStore's kind of metric for every name."""
    made: dict[str, str] = {}
    for name in dict.fromkeys(_NAMES.values()):
        made |= {f"{name}.n": "counter", f"err.{name}.n": "counter", f"{name}.ns.total": "total"}
    return made | dict.fromkeys(_TOTALS.values(), "size") | {UPTIME: "special"}


def counters(families: Iterable[Metric]) -> Mapping[str, int]:
    """Return the sums of the metrics, in numbers and nanoseconds, for all names, even if 0."""
    counted: Counter[str] = Counter()
    for family in families:
        for sample in family.samples:
            name = _NAMES.get(sample.labels.get("operation", "").removeprefix(_NATIVE))
            if sample.name in _TOTALS:
                counted[_TOTALS[sample.name]] += int(sample.value)
            elif name and sample.name == "s3gw_requests_total":
                counted[f"{name}.n"] += int(sample.value)
                if sample.labels["status"] >= "400":
                    counted[f"err.{name}.n"] += int(sample.value)
            elif name and sample.name == "s3gw_request_duration_seconds_sum":
                counted[f"{name}.ns.total"] += int(sample.value * _NS)
    return {name: counted[name] for name in kinds() if name != UPTIME}
