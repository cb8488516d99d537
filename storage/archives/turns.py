"""One at a time for each key, in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turns:
    """Locks by key, which are there only while somebody has them or waits."""

    _locks: dict[Hashable, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def alone(self, key: Hashable) -> AsyncIterator[None]:
        """If who has the key leaves, however, the next in line has it."""
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(key)
            if waiting > 1:
                self._locks[key] = lock, waiting - 1
