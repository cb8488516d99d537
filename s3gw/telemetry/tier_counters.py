"""Prometheus counters of the fast tier, by provider.

Reads and bytes are counted in the process first, as requests are, because a read of what is here
takes less time than its counting in the shared files would.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Sums
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram

from storage.tier.counts import EvictionCause, RequestOutcome

REQUESTS = "s3gw_backend_requests"
DURATIONS = "s3gw_backend_request_duration_seconds"
RECEIVED = "s3gw_backend_received_bytes"
SENT = "s3gw_backend_sent_bytes"
BROKEN = "s3gw_backend_broken_bodies"
REPEATED = "s3gw_backend_repeated_requests"
PAUSES = "s3gw_backend_pause_seconds"
READS = "s3gw_tier_reads"
EVICTED = "s3gw_tier_evicted_objects"
EVICTED_BYTES = "s3gw_tier_evicted_bytes"
BLOBS = "s3gw_tier_blob_downloads"
BLOB_BYTES = "s3gw_tier_blob_bytes"
HIT, MISS = "hit", "miss"
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_HANDED_OVER_S = 0.5


class TierCounters:
    """`TierCounts` of one process. `hand_over` may be called by any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"{name}_total", text, labels, registry=registry)

        self._requests = counter(
            REQUESTS, "Requests to backends, by what they answered.", "provider", "request",
            "outcome",
        )  # fmt: skip
        self._durations = Histogram(
            DURATIONS,
            "Time of requests to backends; of reads until the first byte.",
            ("provider", "request"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._broken = counter(
            BROKEN, "Bodies from backends that did not come to their end.", "provider", "outcome"
        )
        self._repeated = counter(
            REPEATED, "Requests that were repeated because a backend was busy.", "request"
        )
        self._pauses = counter(PAUSES, "Pauses before these, in seconds.", "request")
        self._evicted = counter(EVICTED, "Objects that were evicted, by the cause.", "cause")
        self._evicted_bytes = counter(EVICTED_BYTES, "Their bytes, where known.", "cause")
        self._blobs = counter(BLOBS, "Downloads in many ranges.", "provider", "outcome")
        self._blob_bytes = counter(BLOB_BYTES, "Bytes of these that came to their end.", "provider")
        self._summed = {
            RECEIVED: counter(RECEIVED, "Bytes of objects that came from backends.", "provider"),
            SENT: counter(SENT, "Bytes of objects that went to backends.", "provider"),
            READS: counter(
                READS, "Reads of objects of remote buckets: hits are here.", "provider", "result"
            ),
        }
        self._lock = Lock()
        self._sums: Sums[tuple[str, tuple[str, ...]]] = Sums()

    def request(self, provider: str, request: str, outcome: RequestOutcome, seconds: float) -> None:
        self._requests.labels(provider, request, outcome.value).inc()
        self._durations.labels(provider, request).observe(seconds)

    def received(self, provider: str, count: int) -> None:
        self._add(RECEIVED, (provider,), count)

    def sent(self, provider: str, count: int) -> None:
        self._add(SENT, (provider,), count)

    def broken(self, provider: str, outcome: RequestOutcome) -> None:
        self._broken.labels(provider, outcome.value).inc()

    def read(self, provider: str, *, is_hit: bool) -> None:
        self._add(READS, (provider, HIT if is_hit else MISS), 1)

    def evicted(self, cause: EvictionCause, objects: int, size: int) -> None:
        self._evicted.labels(cause.value).inc(objects)
        self._evicted_bytes.labels(cause.value).inc(size)

    def blob(self, provider: str, size: int, *, is_good: bool) -> None:
        self._blobs.labels(provider, "good" if is_good else "failed").inc()
        self._blob_bytes.labels(provider).inc(size if is_good else 0)

    def repeated(self, request: str, seconds: float) -> None:
        self._repeated.labels(request).inc()
        self._pauses.labels(request).inc(seconds)

    def hand_over(self) -> None:
        """Show what was summed up."""
        with self._lock:
            sums, self._sums = self._sums, Sums()
        for (name, labels), count in sums.items():
            self._summed[name].labels(*labels).inc(count)

    def _add(self, name: str, labels: tuple[str, ...], count: int) -> None:
        with self._lock:
            is_first = not self._sums
            self._sums[name, labels] += count
        if is_first:
            asyncio.get_running_loop().call_later(_HANDED_OVER_S, self.hand_over)
