"""Decompression of streams: gzip, LZ4 frames and the raw deflate of a ZIP.

However much a few bytes unpack to, no more than `PIECE` of it is ever in memory. The work is done
in threads: zlib and lz4 release the GIL.
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import aclosing
from typing import Protocol

import lz4.frame

from storage.archives.formats import ArchiveFormat
from storage.errors import MalformedArchive
from storage.values import Stream

PIECE = 512 << 10


class Unpacker(Protocol):
    """`unpack` takes a piece, or nothing to continue with the one before; it gives at most
    `PIECE` bytes. `needs_input` says that it has nothing left of what it took."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def finished(self) -> bool: ...

    def unpack(self, piece: bytes) -> bytes: ...


class Inflater:
    """zlib's formats: 31 is gzip, with several members in a row, -15 raw deflate."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._stream = zlib.decompressobj(window_bits)
        self._rest = b""
        self._full = False

    @property
    def needs_input(self) -> bool:
        return not self._rest and not self._full

    @property
    def finished(self) -> bool:
        return self._stream.eof and not self._rest

    def unpack(self, piece: bytes) -> bytes:
        taken = self._rest + piece
        if not taken and self._stream.eof:
            return b""
        if self._stream.eof:
            # Only gzip continues, and only with another member: padding of zeros is not to be read.
            if self._window_bits < 0 or not taken.startswith(b"\x1f\x8b"[: len(taken)]):
                self._rest = b""
                return b""
            self._stream = zlib.decompressobj(self._window_bits)
        try:
            unpacked = self._stream.decompress(taken, PIECE)
        except zlib.error as error:
            raise MalformedArchive(f"its compressed bytes are damaged: {error}") from error
        self._rest = self._stream.unconsumed_tail or self._stream.unused_data
        self._full = len(unpacked) == PIECE and not self._stream.eof
        return unpacked


class Lz4Unpacker:
    """LZ4 frames, one or several."""

    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameDecompressor()
        self._rest = b""

    @property
    def needs_input(self) -> bool:
        return bool(self._stream.needs_input) and not self._rest

    @property
    def finished(self) -> bool:
        return bool(self._stream.eof) and not self._rest

    def unpack(self, piece: bytes) -> bytes:
        taken, self._rest = self._rest + piece, b""
        if self._stream.eof:
            if not taken:
                return b""
            self._stream = lz4.frame.LZ4FrameDecompressor()
        try:
            unpacked: bytes = self._stream.decompress(taken, PIECE)
        except (RuntimeError, EOFError) as error:
            raise MalformedArchive(f"its compressed bytes are damaged: {error}") from error
        if self._stream.eof:
            self._rest = self._stream.unused_data or b""
        return unpacked


def unpacker_of(kind: ArchiveFormat) -> Unpacker:
    return Inflater(31) if kind is ArchiveFormat.TGZ else Lz4Unpacker()


async def unpacked(body: bytes | Stream, unpacker: Unpacker) -> Stream:
    """What the body unpacks to. Raises `MalformedArchive`, also when it was cut off."""
    pieces = body if not isinstance(body, bytes) else _one(body)
    async with aclosing(pieces):
        async for piece in pieces:
            given = piece
            while given or not unpacker.needs_input:
                got = await asyncio.to_thread(unpacker.unpack, given)
                given = b""
                if got:
                    yield got
                elif unpacker.finished or unpacker.needs_input:
                    break
    if not unpacker.finished:
        raise MalformedArchive("its compressed bytes were cut off")


async def _one(body: bytes) -> Stream:
    yield body
