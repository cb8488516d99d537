"""The clock as a dependency."""

from __future__ import annotations

import time
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds since the epoch."""
        ...


class SystemClock:
    def now_ns(self) -> int:
        return time.time_ns()


class PatientClock:
    """For what is given up after a while: never ahead of what has passed since the process began,
    whatever somebody sets the wall clock to, and never ahead of that clock."""

    def __init__(self, wall: Clock | None = None, *, passed: Clock | None = None) -> None:
        self._wall = wall or SystemClock()
        self._passed = passed or _Uptime()
        self._offset_ns = self._wall.now_ns() - self._passed.now_ns()

    def now_ns(self) -> int:
        return min(self._wall.now_ns(), self._passed.now_ns() + self._offset_ns)


class _Uptime:
    """Since the machine was started; also while it slept."""

    def now_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
