"""Bodies of objects on their way from Cloud Storage.

A body is read in blocks of at most 64 KiB, and its last block is handed on only when the end of the
answer was seen and, for a whole object, its CRC32C verified. A connection that breaks before is
opened again at the next byte of the same generation; the reader sees the whole object or an error.
Waiting counts, not reading: a reader may be as slow as it likes, Cloud Storage must send 64 KiB
within the time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Any

from storage.backends.gcp import sums
from storage.backends.gcp.place import Place
from storage.backends.gcp.remote import Remote
from storage.errors import (
    BackendUnavailable,
    Corrupt,
    ObjectChanged,
    ObjectNotFound,
    RangeNotSatisfiable,
    VersionNotFound,
)
from storage.ranges import Between

BLOCK_BYTES = 64 * 1024
# How often one body is taken up again.
MOST_RESUMPTIONS = 3

# Cloud Storage had its time: the reader does not wait as long again.
_TIMEOUTS = ("TimeoutError", "SocketTimeoutError", "ServerTimeoutError")

# Opens the rest of the object; returns aiohttp's answer.
Reopen = Callable[[Between], Awaitable[Any]]


class BodyStream(AsyncGenerator[bytes, None]):
    """The stream of a `Reading`. It is not a generator function: one that was never begun would not
    let its connection go when it is closed. `crc32c` is that of all that comes, empty if that is
    unknown."""

    def __init__(
        self,
        remote: Remote,
        place: Place,
        answer: Any,
        span: Between,
        reopen: Reopen,
        crc32c: str = "",
    ) -> None:
        self._remote = remote
        self._place = place
        self._answer = answer
        self._left = len(span)
        self._stop = span.stop
        self._reopen = reopen
        self._crc32c = crc32c
        self._sum = 0
        self._resumptions = 0
        self._closed = False
        self._renew()

    async def asend(self, value: None) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        if not self._left:
            await self.aclose()
            raise StopAsyncIteration
        try:
            while True:
                try:
                    block = await self._next()
                    break
                except BackendUnavailable as error:
                    if self._resumptions == MOST_RESUMPTIONS or error.code in _TIMEOUTS:
                        raise
                    await self._resume()
        except BaseException:
            await self.aclose()
            raise
        return block

    async def _next(self) -> bytes:
        block = await self._timed_read(BLOCK_BYTES)
        if not block or len(block) > self._left:
            raise self._incomplete(f"{self._left} bytes lack")
        if len(block) == self._left and await self._timed_read(1):
            raise self._incomplete("more than was announced")
        self._left -= len(block)
        self._sum = sums.add(block, self._sum)
        if not self._left and self._crc32c and sums.shown(self._sum) != self._crc32c:
            raise Corrupt(f"{self._place}: its bytes do not have its CRC32C")
        return block

    async def _timed_read(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._budget_s):
                block: bytes = await self._answer.content.read(size)
        except self._remote.foreign as error:
            raise self._remote.translated(error, self._place) from None
        self._budget_s -= loop.time() - begun
        self._until_renewed -= len(block)
        if self._until_renewed <= 0:
            self._renew()
        return block

    def _renew(self) -> None:
        self._budget_s = self._remote.options.read_timeout_s
        self._until_renewed = BLOCK_BYTES

    async def _resume(self) -> None:
        self._resumptions += 1
        self._answer.close()
        try:
            self._answer = await self._reopen(Between(self._stop - self._left, self._stop))
        except (ObjectNotFound, RangeNotSatisfiable, VersionNotFound):
            raise ObjectChanged(f"{self._place} was replaced while it was read") from None
        self._renew()

    def _incomplete(self, message: str) -> BackendUnavailable:
        return BackendUnavailable(str(self._place), "IncompleteBody", message)

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> bytes:
        await self.aclose()
        if isinstance(typ, BaseException):
            raise typ
        raise val if isinstance(val, BaseException) else typ()

    async def aclose(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._closed = True
        self._answer.close()
