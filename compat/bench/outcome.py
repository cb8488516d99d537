"""What a load came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class LoadFailed(Exception):
    """The server refused or broke off; figures of errors are no figures."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`size_bytes` are payload bytes, in whichever direction; `closed` counts the connections that
    the server closed and the clients made again."""

    requests: int
    seconds: float
    size_bytes: int
    p50_ms: float
    p99_ms: float
    closed: int = 0

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def bytes_per_second(self) -> float:
        return self.size_bytes / self.seconds


def outcome_of(
    latencies_s: Sequence[float], seconds: float, size_bytes: int, closed: int = 0
) -> Outcome:
    ordered = sorted(latencies_s)
    p50_ms, p99_ms = 1e3 * _at(ordered, 0.50), 1e3 * _at(ordered, 0.99)
    return Outcome(len(ordered), seconds, size_bytes, p50_ms, p99_ms, closed)


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
