"""Durable queues: several processes append, one reads.

Records are in queues by name, in the order of their commits. A queue takes a number of bytes and
refuses records beyond that, so that a queue that is not read neither fills the disk nor stops
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

# Appends in one commit; each has the records of one request, a thousand at the most.
BATCH_LIMIT = 256


class Record(NamedTuple):
    """A record to append: its queue and its bytes."""

    queue: str
    body: bytes


class Waiting(NamedTuple):
    """A record that waits since `time_ns`, nanoseconds since the epoch."""

    id: int
    time_ns: int
    body: bytes


class Queue(NamedTuple):
    """A queue that is not empty: how many records and bytes wait, and since when."""

    name: str
    records: int
    bytes: int
    oldest_ns: int


class Outbox(Protocol):
    """One process's door to the queues. All may raise `StorageError`."""

    async def append(self, records: Sequence[Record]) -> list[bool]:
        """Returns after the commit: for each record whether it was taken or its queue is full."""
        ...

    async def read(self, queue: str, limit: int) -> list[Waiting]:
        """The oldest records of a queue; they stay until they are dropped."""
        ...

    async def drop(self, ids: Sequence[int]) -> None: ...

    async def queues(self) -> list[Queue]:
        """Those that are not empty, by name."""
        ...

    async def checkpoint(self) -> None:
        """Free the room of what was dropped, now and then; for the one process that reads."""
        ...


class Appends:
    """Appends that wait while a commit is under way all go into the next one: a hundred records
    cost one fsync. `write` commits, and returns for each record whether it was taken."""

    def __init__(self, write: Callable[[Sequence[Record]], Awaitable[list[bool]]]) -> None:
        self._write = write
        self._waiting: list[_Append] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, records: Sequence[Record]) -> list[bool]:
        each = _Append(records, asyncio.get_running_loop().create_future())
        self._waiting.append(each)
        if self._writer is None:
            self._writer = asyncio.create_task(self._work())
        return await each.taken

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._writer is not None:
            await asyncio.wait((self._writer,))

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:BATCH_LIMIT]
                del self._waiting[:BATCH_LIMIT]
                await self._commit(batch)
        finally:
            self._writer = None

    async def _commit(self, batch: Sequence[_Append]) -> None:
        try:
            taken = iter(await self._write([record for each in batch for record in each.records]))
        except BaseException as error:
            for each in batch:
                if not each.taken.done():
                    each.taken.set_exception(error)
            # The callers have it.
            if not isinstance(error, Exception):
                raise
            return
        for each in batch:
            mine = [next(taken) for _ in each.records]
            if not each.taken.done():
                each.taken.set_result(mine)


class _Append(NamedTuple):
    records: Sequence[Record]
    taken: asyncio.Future[list[bool]]
