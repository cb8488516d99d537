"""Allowance of bytes per hour, spent block by block."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

# What was not used of the last seconds may be used at once.
SAVED_S = 1.0
_HOUR_S = 3600.0


class Allowance:
    """`bytes_per_hour` 0 is without a limit. A block of any size may pass; the next ones then
    wait."""

    def __init__(
        self,
        bytes_per_hour: int,
        timer: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_s = bytes_per_hour / _HOUR_S
        self._timer = timer
        self._sleep = sleep
        self._due_s = timer()

    async def take(self, count: int) -> None:
        """Return when as many bytes may pass."""
        if not self._per_s:
            return
        now = self._timer()
        self._due_s = max(self._due_s, now - SAVED_S) + count / self._per_s
        if self._due_s > now:
            await self._sleep(self._due_s - now)
