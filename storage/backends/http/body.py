"""Bodies on their way from a web server.

A body is read in blocks of at most 64 KiB, and its last block is handed on when the answer has
ended after it. One that breaks off is requested again from the next byte on, if the server's ETag
or time promise that it is still the same; the reader sees all of it or an error. Waiting counts,
not reading: a reader may be as slow as it likes, the server must send 64 KiB within the time limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from storage.backends.http.foreign_errors import malformed
from storage.backends.http.place import Place
from storage.backends.http.web import Answer
from storage.backends.resuming import (
    BLOCK_BYTES,
    MOST_RESUMPTIONS,
    Patience,
)
from storage.closable_stream import ClosableStream
from storage.errors import BackendUnavailable
from storage.ranges import Between

_BROKEN = "IncompleteBody"

# Opens the rest of the object, if it is still the same; an answer, and what to skip of it.
Reopen = Callable[[Between], Awaitable["BodyReader"]]


class BodyReader:
    """The bytes of one answer: the first `skip` are dropped, then `left` are read. `rest_follows`:
    the answer has more than that, which is not read. `left` None reads all there is."""

    def __init__(
        self,
        answer: Answer,
        place: Place,
        idle_s: float,
        *,
        skip: int = 0,
        left: int | None = None,
        rest_follows: bool = False,
    ) -> None:
        self._answer = answer
        self._place = place
        self._patience = Patience(idle_s)
        self._skip = skip
        self._rest_follows = rest_follows
        self.left = left

    async def read(self) -> bytes:
        """Return the next block; empty when nothing is left. Raises `BackendUnavailable`."""
        while self._skip:
            self._skip -= len(await self._some(min(self._skip, BLOCK_BYTES)))
        if self.left is None:
            return await self._timed(BLOCK_BYTES)
        if not self.left:
            return b""
        block = await self._some(min(self.left, BLOCK_BYTES))
        self.left -= len(block)
        if not self.left and not self._rest_follows and await self._timed(1):
            raise malformed(self._place, "it has more bytes than it announced")
        return block

    async def _some(self, most: int) -> bytes:
        block = await self._timed(most)
        if not block:
            raise BackendUnavailable(str(self._place), _BROKEN)
        return block

    async def _timed(self, most: int) -> bytes:
        try:
            return await self._patience.read(self._answer.read, most)
        except TimeoutError:
            raise BackendUnavailable(str(self._place), "Timeout") from None

    def close(self) -> None:
        self._answer.close()


class BodyStream(ClosableStream):
    """The stream of a `Reading`. It is taken up only where a connection broke: a server that is not
    sure of the same object answers with another error."""

    def __init__(self, reader: BodyReader, span: Between, reopen: Reopen) -> None:
        self._reader = reader
        self._stop = span.stop
        self._reopen = reopen
        self._resumptions = 0
        self._closed = False

    async def asend(self, value: None) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        try:
            block = await self._next()
        except BaseException:
            await self.aclose()
            raise
        if not block:
            await self.aclose()
            raise StopAsyncIteration
        return block

    async def _next(self) -> bytes:
        while True:
            try:
                return await self._reader.read()
            except BackendUnavailable as error:
                is_over = self._resumptions == MOST_RESUMPTIONS or not self._reader.left
                if is_over or error.code != _BROKEN:
                    raise
                await self._resume(error)

    async def _resume(self, why: BackendUnavailable) -> None:
        assert self._reader.left, "something is missing"
        self._resumptions += 1
        self._reader.close()
        left = self._reader.left
        try:
            self._reader = await self._reopen(Between(self._stop - left, self._stop))
        except BackendUnavailable:
            raise why from None

    async def aclose(self) -> None:
        self._closed = True
        self._reader.close()
