"""Bodies on their way to a cloud: cut into pieces, digested, with a checksum.

A cloud wants the length of a body before its first byte, and takes a body that was sent. A body
whose digest may still refuse it is therefore kept until then: in memory, or the part of an upload
beyond some megabytes in a temporary file.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import IO, ParamSpec, TypeVar
from zlib import crc32

from msgspec import Struct

from storage.values import Body, BodyDigest, Checksum

T = TypeVar("T")
P = ParamSpec("P")

# What is digested at once on the event loop; more goes to a thread.
_INLINE_BYTES = 64 * 1024
_SPOOLED_AT_ONCE = 1 << 20


class Piece(Struct, frozen=True):
    """Consecutive bytes of a body; `last` if it ends with them."""

    content: bytes
    last: bool


class Cutter:
    """Cuts a body into pieces; the digest sees every byte once, in order."""

    def __init__(self, body: Body, digest: BodyDigest) -> None:
        self._body = body
        self._digest = digest
        self._rest = b""
        self._ended = False

    async def cut(self, size: int) -> Piece:
        """The next `size` bytes, fewer at the end."""
        blocks, length = [self._rest], len(self._rest)
        # One byte more, to know whether more comes.
        while length <= size and not self._ended:
            try:
                block = await anext(self._body)
            except StopAsyncIteration:
                self._ended = True
            else:
                blocks.append(block)
                length += len(block)
        joined = b"".join(blocks)
        content, self._rest = joined[:size], joined[size:]
        if content:
            await _offload(len(content), self._digest.update, content)
        return Piece(content, self._ended and not self._rest)


# The checksum of the bytes so far followed by the block.
AddBlock = Callable[[bytes, int], int]


class Spooled(Struct, frozen=True):
    """A whole body in a file, which the holder closes; `crc` is its checksum."""

    file: IO[bytes]
    size: int
    crc: int


async def spool(body: Body, digest: BodyDigest, memory_bytes: int, add: AddBlock) -> Spooled:
    """Digest a body and keep it until it can be sent with its length."""
    file: IO[bytes] = SpooledTemporaryFile(memory_bytes)  # noqa: SIM115, the holder closes it
    cutter = Cutter(body, digest)
    size = value = 0
    try:
        while True:
            piece = await cutter.cut(_SPOOLED_AT_ONCE)
            value = await _offload(len(piece.content), _keep, file, piece.content, add, value)
            size += len(piece.content)
            if piece.last:
                break
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Spooled(file, size, value)


async def crc32_checksum(content: bytes) -> Checksum:
    return as_crc32(await _offload(len(content), crc32, content))


def _keep(file: IO[bytes], content: bytes, add: AddBlock, value: int) -> int:
    file.write(content)
    return add(content, value)


def as_crc32(value: int) -> Checksum:
    return Checksum("CRC32", b64encode(value.to_bytes(4, "big")).decode())


async def _offload(size: int, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    if size <= _INLINE_BYTES:
        return work(*args, **options)
    return await asyncio.to_thread(work, *args, **options)


async def watched(
    body: Body, begin: Callable[[], None], end: Callable[[], None]
) -> AsyncIterator[bytes]:
    """Yield the body; call `begin` before its first block is wanted, and `end` after the last."""
    begin()
    async for block in body:
        yield block
    end()
