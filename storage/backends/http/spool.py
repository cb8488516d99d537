"""Bodies of unknown length, in files without names.

An object has its length before its first byte, and some servers do not say it. Such a body waits on
the disk until it has ended; then it is read from there.
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO

from storage.backends.http.body import BodyReader
from storage.backends.http.options import HttpOptions
from storage.backends.http.place import Place
from storage.backends.resuming import BLOCK_BYTES
from storage.closable_stream import ClosableStream
from storage.errors import BackendError, DeviceFailed, OutOfSpace

_WRITTEN_BYTES = 1 << 20


class Spool:
    """The file, closed when it is read or dropped."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    async def read(self, start: int, count: int) -> bytes:
        def read() -> bytes:
            self._file.seek(start)
            return self._file.read(count)

        return await asyncio.to_thread(read)

    def stream(self, start: int, stop: int) -> SpoolStream:
        return SpoolStream(self, start, stop)

    def close(self) -> None:
        self._file.close()


class SpoolStream(ClosableStream):
    """The stream of a `Reading`."""

    def __init__(self, spool: Spool, start: int, stop: int) -> None:
        self._spool = spool
        self._at = start
        self._stop = stop

    async def asend(self, value: None) -> bytes:
        if self._at >= self._stop:
            await self.aclose()
            raise StopAsyncIteration
        block = await self._spool.read(self._at, min(self._stop - self._at, BLOCK_BYTES))
        self._at += len(block)
        return block

    async def aclose(self) -> None:
        self._at = self._stop
        self._spool.close()


async def spooled(body: BodyReader, place: Place, options: HttpOptions) -> Spool:
    """Write the body to its file. Raises `OutOfSpace`, `BackendError` for an endless one."""
    file: IO[bytes] = await asyncio.to_thread(tempfile.TemporaryFile, dir=options.spool)
    size, pending = 0, bytearray()
    try:
        while block := await body.read():
            size += len(block)
            if size > options.most_spooled_bytes:
                raise BackendError(str(place), "TooLarge", "its length is unknown, and too long")
            pending += block
            if len(pending) >= _WRITTEN_BYTES:
                await asyncio.to_thread(_write, file, bytes(pending), options)
                pending.clear()
        await asyncio.to_thread(_write, file, bytes(pending), options)
    except BaseException:
        file.close()
        raise
    return Spool(file, size)


def _write(file: IO[bytes], piece: bytes, options: HttpOptions) -> None:
    if not options.has_room():
        raise OutOfSpace("no room for a body without a length")
    try:
        file.write(piece)
        file.flush()
    except OSError as error:
        raise DeviceFailed(f"the spool: {error.strerror}") from None
