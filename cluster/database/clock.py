"""The clock of the database, as a process knows it.

Machines whose clocks differ write rows side by side, so rows have the time of the one clock that
all share. A statement that says it shows in which bounds it is ahead of the monotonic clock here;
as long as the last estimate is within them it stays, so that the time does not jitter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from storage.clock import NS_PER_S


def ns_of(time: datetime) -> int:
    """Return nanoseconds since the epoch, exact to the microsecond."""
    return int(time.timestamp()) * NS_PER_S + time.microsecond * 1_000


class DatabaseClock:
    """A `Clock`, once it has learned the time. `monotonic_ns` is for tests."""

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.monotonic_ns = monotonic_ns
        self._ahead_ns: int | None = None

    def now_ns(self) -> int:
        assert self._ahead_ns is not None, "every write begins with a lookup"
        return self.monotonic_ns() + self._ahead_ns

    def learn(self, time_ns: int, sent_ns: int, received_ns: int) -> None:
        """Take the database's time from an answer; the others are the monotonic clock's, before the
        statement was sent and after its answer came."""
        least, most = time_ns - received_ns, time_ns - sent_ns
        if self._ahead_ns is None or not least <= self._ahead_ns <= most:
            self._ahead_ns = (least + most) // 2
