"""One figure: a load on a subject, with what it cost the subject."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from compat.bench.outcome import Outcome
from compat.bench.subjects import Subject
from compat.processes import cpu_seconds, peak_rss_mib, reset_peaks

MD5 = "MD5 on one core"
GCM = "AES-256-GCM on one core"
YARDSTICKS = (MD5, GCM)
_ALONE_SECONDS = 0.7
_BLOCK = 1 << 20


class Meter:
    """`with meter:` counts the processor time of the subject's processes, once or in turns."""

    def __init__(self, subject: Subject) -> None:
        self._pid = subject.pid
        self.cpu_s = 0.0
        self._began = 0.0
        if self._pid is not None:
            reset_peaks(self._pid)

    def __enter__(self) -> Meter:
        self._began = self._now()
        return self

    def __exit__(self, *exc: object) -> None:
        self.cpu_s += self._now() - self._began

    def rss_mib(self) -> float | None:
        return None if self._pid is None else peak_rss_mib(self._pid)

    def _now(self) -> float:
        return 0.0 if self._pid is None else cpu_seconds(self._pid)


@dataclass(frozen=True, slots=True)
class Figure:
    """`rate` is in the workload's unit; cost is None where the processes are not known. `closed`
    counts the connections that the server closed."""

    subject: str
    workload: str
    rate: float
    requests: int
    p50_ms: float
    p99_ms: float
    cpu_s: float | None = None
    rss_mib: float | None = None
    closed: int = 0

    @property
    def cpu_ms_each(self) -> float | None:
        if self.cpu_s is None or not self.requests:
            return None
        return 1e3 * self.cpu_s / self.requests


def figure(subject: Subject, workload: str, rate: float, outcome: Outcome, meter: Meter) -> Figure:
    cpu_s = None if subject.pid is None else meter.cpu_s
    return Figure(
        subject.name,
        workload,
        rate,
        outcome.requests,
        outcome.p50_ms,
        outcome.p99_ms,
        cpu_s,
        meter.rss_mib(),
        outcome.closed,
    )


def median_of(turns: Sequence[Figure]) -> Figure:
    """One figure for all turns of a workload: the median of rates and times, the sum of costs."""
    first = turns[0]
    costs = [each.cpu_s for each in turns if each.cpu_s is not None]
    peaks = [each.rss_mib for each in turns if each.rss_mib is not None]
    return Figure(
        first.subject,
        first.workload,
        median(each.rate for each in turns),
        sum(each.requests for each in turns),
        median(each.p50_ms for each in turns),
        median(each.p99_ms for each in turns),
        sum(costs) if costs else None,
        max(peaks, default=None),
        sum(each.closed for each in turns),
    )


def measure_md5(workload: str) -> Figure:
    """What MD5 alone allows one stream: bytes a second of hashlib, in blocks of 1 MiB."""
    return _measure(MD5, workload, hashlib.md5().update)


def measure_gcm(workload: str) -> Figure:
    """What encryption alone costs: bytes a second, in frames as the store seals them."""
    aead = AESGCM(bytes(32))
    return _measure(GCM, workload, lambda block: aead.encrypt(bytes(12), block, None))


def _measure(name: str, workload: str, work: Callable[[bytes], object]) -> Figure:
    block = bytes(_BLOCK)
    began = time.perf_counter()
    blocks = 0
    while (seconds := time.perf_counter() - began) < _ALONE_SECONDS:
        work(block)
        blocks += 1
    return Figure(name, workload, blocks * _BLOCK / seconds, blocks, 0.0, 0.0, seconds)
