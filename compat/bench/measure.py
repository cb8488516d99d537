"""One figure: a load on a subject, with what it cost the subject."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from compat.bench.outcome import Outcome
from compat.bench.subjects import Subject
from compat.processes import cpu_seconds, peak_rss_mib, reset_peaks

MD5 = "MD5 on one core"
_MD5_SECONDS = 0.7
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
    """`rate` is in the workload's unit; cost is None where the processes are not ours."""

    subject: str
    workload: str
    rate: float
    requests: int
    p50_ms: float
    p99_ms: float
    cpu_s: float | None = None
    rss_mib: float | None = None

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
    )


def measure_md5(workload: str) -> Figure:
    """What MD5 alone allows one stream: bytes a second of hashlib, in blocks of 1 MiB."""
    block = bytes(_BLOCK)
    digest = hashlib.md5()
    began = time.perf_counter()
    blocks = 0
    while (seconds := time.perf_counter() - began) < _MD5_SECONDS:
        digest.update(block)
        blocks += 1
    return Figure(MD5, workload, blocks * _BLOCK / seconds, blocks, 0.0, 0.0, seconds)
