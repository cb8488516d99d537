"""Compression of the tars that are written, as they stream."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import aclosing
from typing import Protocol

import lz4.frame

from storage.archives.formats import ArchiveFormat
from storage.values import Stream

_GZIP = 31
# Speed before size: most of what is put into shards is compressed already.
_GZIP_LEVEL = 1


class _Compressor(Protocol):
    def compress(self, piece: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


async def packed(kind: ArchiveFormat, pieces: Stream) -> Stream:
    """The pieces of a tar as the compressed format wants them. Large ones are best: each is one hop
    into a thread."""
    compressor, head = _compressor(kind)
    async with aclosing(pieces):
        async for piece in pieces:
            if made := head + await asyncio.to_thread(compressor.compress, piece):
                yield made
            head = b""
    yield head + compressor.flush()


def _compressor(kind: ArchiveFormat) -> tuple[_Compressor, bytes]:
    """The compressor, and the header before its output."""
    if kind is ArchiveFormat.TGZ:
        return zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP), b""
    frames = lz4.frame.LZ4FrameCompressor()
    return frames, frames.begin()
