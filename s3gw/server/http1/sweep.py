"""Connections of a worker: their bounds, and one timer for all.

`now` is the time of the last sweep: reading the clock once for all connections is exact enough for
limits of seconds.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from msgspec import Struct

# The longest time between two sweeps.
_SWEEP_S = 1.0
# Sweeps for the shortest limit.
_SWEEPS = 4
_MOST_FREE_BLOCKS = 16
# Blocks of bodies have the size of the store's, so that it needs no others.
BLOCK_BYTES = 512 << 10


class Bounds(Struct, frozen=True):
    """Limits of a worker: open connections; bytes and seconds of a head; seconds of an idle
    connection, and of one whose client does not read its answer."""

    connections: int
    head_bytes: int
    head_s: float
    idle_s: float
    unread_s: float


class Swept(Protocol):
    """A connection, as the sweep knows it."""

    def look(self, now: float) -> None: ...


class Sweep:
    """What the connections of a worker share."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.now = 0.0
        self.unread = 0
        # Every connection reads into it, and has parsed what is in it before another one reads.
        self.received = bytearray(64 << 10)
        self._free: list[bytearray] = []
        shortest = min(bounds.head_s, bounds.idle_s, bounds.unread_s)
        self.interval_s = min(_SWEEP_S, shortest / _SWEEPS)
        self._connections: set[Swept] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Swept) -> bool:
        """Whether there is room for one more connection."""
        if len(self._connections) >= self.bounds.connections:
            return False
        if self._timer is None:
            self._sweep()
        self._connections.add(connection)
        return True

    def remove(self, connection: Swept) -> None:
        self._connections.discard(connection)

    def is_over(self, since: float, limit_s: float) -> bool:
        """Whether more than that time has passed. What began between two sweeps seems older than it
        is, by less than the time between them."""
        return self.now - since > limit_s + self.interval_s

    def new_block(self) -> bytearray:
        return self._free.pop() if self._free else bytearray(BLOCK_BYTES)

    def free_block(self, block: bytearray) -> None:
        if len(self._free) < _MOST_FREE_BLOCKS:
            self._free.append(block)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        for connection in list(self._connections):
            connection.look(self.now)
        again = bool(self._connections) or self._timer is None
        # A worker without connections does not wake.
        self._timer = loop.call_later(self.interval_s, self._sweep) if again else None
