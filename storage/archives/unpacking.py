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
# What a new member or frame is given first: of thousands of short ones each copies what is behind
# it, so it must not be much.
_BEGINNING = 1 << 10


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
        taken, made = self._rest + piece, list[bytes]()
        at = size = 0
        while at < len(taken) or not self._stream.eof:
            stop = len(taken)
            if self._stream.eof:
                if not self._continues(taken[at : at + 2]):
                    at = stop
                    break
                self._stream, stop = zlib.decompressobj(self._window_bits), at + _BEGINNING
            fed = taken[at:stop]
            try:
                unpacked = self._stream.decompress(fed, PIECE - size)
            except zlib.error as error:
                if made:
                    break
                raise _damaged(error) from error
            at += len(fed) - len(self._stream.unconsumed_tail or self._stream.unused_data)
            made.append(unpacked)
            size += len(unpacked)
            if size == PIECE or at == len(taken):
                break
        self._rest = taken[at:]
        self._full = size == PIECE and not self._stream.eof
        return made[0] if len(made) == 1 else b"".join(made)

    def _continues(self, begin: bytes) -> bool:
        """Only gzip continues, and only with another member: padding of zeros is not to be read."""
        return self._window_bits > 0 and b"\x1f\x8b".startswith(begin)


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
        taken, made = self._rest + piece, list[bytes]()
        at = size = 0
        while at < len(taken) or not self._stream.eof:
            stop = len(taken)
            if self._stream.eof:
                self._stream, stop = lz4.frame.LZ4FrameDecompressor(), at + _BEGINNING
            fed = taken[at:stop]
            try:
                unpacked: bytes = self._stream.decompress(fed, PIECE - size)
            except (RuntimeError, EOFError) as error:
                if made:
                    break
                raise _damaged(error) from error
            at += len(fed) - len(self._stream.unused_data or b"")
            made.append(unpacked)
            size += len(unpacked)
            if size == PIECE or at == len(taken):
                break
        self._rest = taken[at:]
        return made[0] if len(made) == 1 else b"".join(made)


def _damaged(error: Exception) -> MalformedArchive:
    return MalformedArchive(f"its compressed bytes are damaged: {error}")


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
