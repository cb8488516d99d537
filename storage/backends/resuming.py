"""Streams of objects of a remote that survive broken connections.

The last block is handed on only when the end of the answer was seen, and verified if there is
something to verify it with. A connection that breaks before is opened again at the next byte, under
the condition that the object is still the same one; the reader sees the whole object or an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from storage.closable_stream import ClosableStream
from storage.errors import (
    BackendUnavailable,
    ObjectChanged,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    VersionNotFound,
)
from storage.ranges import Between

BLOCK_BYTES = 64 * 1024
# How often one body is taken up again.
MOST_RESUMPTIONS = 3

# The remote had its time: the reader does not wait as long again.
_TIMEOUTS = frozenset(
    [
        "TimeoutError",
        "AioReadTimeoutError",
        "ReadTimeoutError",
        "ServerTimeoutError",
        "SocketTimeoutError",
    ]
)


class BodyReader(Protocol):
    """The bytes of one answer; `left` counts those that are still to come."""

    left: int

    async def read(self) -> bytes:
        """The next block; empty when nothing is left. Raises `BackendUnavailable`, `Corrupt`."""
        ...

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        ...


# Opens the rest of the object, if it is still the same.
Reopen = Callable[[Between], Awaitable[BodyReader]]


class Patience:
    """The time that a remote has for each 64 KiB. Waiting counts, not reading: the reader of what
    comes may be as slow as it likes."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._renew()

    async def read(self, read: Callable[[int], Awaitable[bytes]], most: int) -> bytes:
        """Raises `TimeoutError`."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.timeout(self._left_s):
            block = await read(most)
        self._left_s -= loop.time() - begun
        self._until_renewed -= len(block)
        if self._until_renewed <= 0:
            self._renew()
        return block

    def _renew(self) -> None:
        self._left_s = self._limit_s
        self._until_renewed = BLOCK_BYTES


class BodyStream(ClosableStream):
    """The stream of a `Reading`."""

    def __init__(self, subject: str, reader: BodyReader, stop: int, reopen: Reopen) -> None:
        self._subject = subject
        self._stop = stop
        self._reader = reader
        self._reopen = reopen
        self._resumptions = 0
        self._closed = False

    async def asend(self, value: None) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        try:
            while True:
                try:
                    block = await self._reader.read()
                    break
                except BackendUnavailable as error:
                    if self._resumptions == MOST_RESUMPTIONS or error.code in _TIMEOUTS:
                        raise
                    await self._resume()
        except BaseException:
            await self.aclose()
            raise
        if not block:
            await self.aclose()
            raise StopAsyncIteration
        return block

    async def _resume(self) -> None:
        left = self._reader.left
        if not left:
            raise BackendUnavailable(self._subject, "IncompleteBody")
        self._resumptions += 1
        self._reader.close()
        try:
            self._reader = await self._reopen(Between(self._stop - left, self._stop))
        except (ObjectNotFound, PreconditionFailed, RangeNotSatisfiable, VersionNotFound):
            raise ObjectChanged(f"{self._subject} was replaced while it was read") from None

    async def aclose(self) -> None:
        self._closed = True
        self._reader.close()
