"""Prometheus counters of batches."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from s3gw.objects.batch.engine import Outcome, Tally


class BatchCounters:
    """Counts into the registry; `Batches` calls `add` for each batch."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._batches = Counter(
            "s3gw_getbatch_total",
            "Batches (GetBatch), by how they ended.",
            ("outcome",),
            registry=registry,
        )
        self._entries = Counter(
            "s3gw_getbatch_entries_total",
            "Entries of batches: whole objects or ranges of them, members of archives, failures.",
            ("kind",),
            registry=registry,
        )
        self._bytes = Counter(
            "s3gw_getbatch_bytes_total",
            "Bytes of the entries of batches.",
            ("kind",),
            registry=registry,
        )

    def add(self, outcome: Outcome, tally: Tally) -> None:
        self._batches.labels(outcome.value).inc()
        for kind, count in (
            ("object", tally.objects),
            ("member", tally.members),
            ("failed", tally.failures),
        ):
            self._entries.labels(kind).inc(count)
        self._bytes.labels("object").inc(tally.object_bytes)
        self._bytes.labels("member").inc(tally.member_bytes)
