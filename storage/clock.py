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
