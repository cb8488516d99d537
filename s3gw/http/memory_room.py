"""Memory that requests share, and a fair queue for it.

A batch has memory for the group of entries that it reads; to read further ones ahead, it takes more
if there is some. When there is none for a new batch, it waits, and the clients take turns, however
many batches each of them sends. No client holds more than half of the memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque

from msgspec import Struct, field


class TooBusy(Exception):
    """There is no memory for another one now."""

    retry_after_s = 1


class Holding(Struct):
    """The memory of one batch, or of one document. It is given back when its holder closes it, or
    when it is garbage-collected: a stream that was never started runs no `finally`."""

    room: Room
    client: str
    held: int = 0

    def try_take(self, count: int) -> bool:
        """Take more memory if there is some and the queue is empty. Who has some never waits for
        more, or they would wait for each other."""
        return self.room.try_take(self, count)

    def give(self, count: int) -> None:
        self.room.give(self, count)

    def close(self) -> None:
        self.room.give(self, self.held)

    __del__ = close


class _Waiter(Struct, eq=False):
    holding: Holding
    count: int
    granted: asyncio.Future[None]


class Room(Struct):
    """`size` bytes for all requests of a process; `longest` of them wait, each for `patience_s` at
    most. A client may hold the whole divided by `shares`."""

    size: int
    longest: int = 1000
    patience_s: float = 15.0
    shares: int = 2
    taken: int = 0
    _by_client: Counter[str] = field(default_factory=Counter)
    _new: OrderedDict[str, deque[_Waiter]] = field(default_factory=OrderedDict)
    _waiting: int = 0

    @property
    def is_crowded(self) -> bool:
        """Whether there is a queue."""
        return self._waiting > 0

    async def enter(self, client: str, count: int) -> Holding:
        """Return the memory of a new batch of the client, with so much of it taken. Raise
        `TooBusy` if too many wait already, or after having waited too long."""
        holding = Holding(self, client)
        if not self._waiting and self._lets_in(holding, count):
            self._take(holding, count)
            return holding
        if self._waiting >= self.longest:
            raise TooBusy
        waiter = _Waiter(holding, count, asyncio.get_running_loop().create_future())
        self._new.setdefault(client, deque()).append(waiter)
        self._waiting += 1
        try:
            self._grant()
            async with asyncio.timeout(self.patience_s):
                await waiter.granted
        except TimeoutError:
            raise TooBusy from None
        finally:
            self._forget(waiter)
        return holding

    def try_take(self, holding: Holding, count: int) -> bool:
        held = self._by_client[holding.client] + count
        if self._waiting or self.taken + count > self.size or held > self.size // self.shares:
            return False
        self._take(holding, count)
        return True

    def give(self, holding: Holding, count: int) -> None:
        self.taken -= count
        holding.held -= count
        self._by_client[holding.client] -= count
        if self._by_client[holding.client] <= 0:
            del self._by_client[holding.client]
        self._grant()

    def _lets_in(self, holding: Holding, count: int) -> bool:
        """Whether a new batch fits, also into its client's share. One that is all alone does: if it
        needs more than there is, it would wait for ever."""
        held = self._by_client[holding.client]
        share = not held or held + count <= self.size // self.shares
        return self.taken == 0 or (share and self.taken + count <= self.size)

    def _take(self, holding: Holding, count: int) -> None:
        self.taken += count
        holding.held += count
        self._by_client[holding.client] += count

    def _grant(self) -> None:
        """Give what there is to those who wait."""
        passed = 0
        while self._new and passed < len(self._new):
            client, queue = next(iter(self._new.items()))
            self._new.move_to_end(client)
            waiter = queue[0]
            if not waiter.granted.done():
                if not self._lets_in(waiter.holding, waiter.count):
                    passed += 1
                    continue
                self._take(waiter.holding, waiter.count)
                waiter.granted.set_result(None)
            passed = 0
            self._forget(waiter)

    def _forget(self, waiter: _Waiter) -> None:
        """Take it from the queue, if it is still there."""
        queue = self._new.get(waiter.holding.client)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            self._waiting -= 1
            if not queue:
                del self._new[waiter.holding.client]
