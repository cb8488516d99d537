"""Bodies of objects on their way from S3.

A body is read in blocks of at most 64 KiB, and its last block is handed on only when the end of the
answer was seen and its checksum, if there was one, verified. A connection that breaks before is
opened again at the next byte, under the condition that the object is still the same one; the reader
sees the whole object or an error. Waiting counts, not reading: a reader may be as slow as it likes,
S3 must send 64 KiB within the time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING

from storage.backends.aws.place import Place
from storage.backends.aws.remote import Remote
from storage.errors import (
    BackendUnavailable,
    ObjectChanged,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    VersionNotFound,
)
from storage.ranges import Between

if TYPE_CHECKING:
    from aiobotocore.response import AioStreamingBody

BLOCK_BYTES = 64 * 1024
# How often one body is taken up again.
MOST_RESUMPTIONS = 3

# S3 had its time: the reader does not wait as long again.
_TIMEOUTS = ("TimeoutError", "AioReadTimeoutError", "ReadTimeoutError")

# Opens the rest of the object, if it is still the same.
Reopen = Callable[[Between], Awaitable["AioStreamingBody"]]


class BodyReader:
    """The bytes of one answer; `left` counts those that are still to come."""

    def __init__(self, remote: Remote, place: Place, body: AioStreamingBody, left: int) -> None:
        self._remote = remote
        self._place = place
        self._body = body
        self._budget_s = remote.options.read_timeout_s
        self._until_renewed = BLOCK_BYTES
        self.left = left

    async def read(self) -> bytes:
        """The next block; empty when nothing is left. Raises `BackendUnavailable`, `Corrupt`."""
        if not self.left:
            return b""
        block = await self._timed_read(BLOCK_BYTES)
        if not block or len(block) > self.left:
            raise BackendUnavailable(str(self._place), "IncompleteBody", f"{self.left} bytes lack")
        self.left -= len(block)
        if not self.left and await self._timed_read(1):
            raise BackendUnavailable(str(self._place), "IncompleteBody", "more than was announced")
        return block

    async def _timed_read(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._remote.client(self._place):
            async with asyncio.timeout(self._budget_s):
                block: bytes = await self._body.read(size)
        self._budget_s -= loop.time() - begun
        self._until_renewed -= len(block)
        if self._until_renewed <= 0:
            self._budget_s = self._remote.options.read_timeout_s
            self._until_renewed = BLOCK_BYTES
        return block

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._body.close()


class BodyStream(AsyncGenerator[bytes, None]):
    """The stream of a `Reading`. It is not a generator function: one that was never begun would not
    let its connection go when it is closed."""

    def __init__(
        self, remote: Remote, place: Place, body: AioStreamingBody, span: Between, reopen: Reopen
    ) -> None:
        self._remote = remote
        self._place = place
        self._stop = span.stop
        self._reader = BodyReader(remote, place, body, len(span))
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
            raise BackendUnavailable(str(self._place), "IncompleteBody")
        self._resumptions += 1
        self._reader.close()
        try:
            body = await self._reopen(Between(self._stop - left, self._stop))
        except (ObjectNotFound, PreconditionFailed, RangeNotSatisfiable, VersionNotFound):
            raise ObjectChanged(f"{self._place} was replaced while it was read") from None
        self._reader = BodyReader(self._remote, self._place, body, left)

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
        self._closed = True
        self._reader.close()
