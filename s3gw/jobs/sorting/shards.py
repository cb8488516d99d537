"""Input shards: where their members are read from while their records are sorted.

Large members of a tar or a ZIP are read where they lie, in the object. Everything else is copied to
a temporary file in one pass, compressed tars unpacked: small members would be read one by one in
any order, each with a look-up in the index and a check of the whole block around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from msgspec import Struct
from msgspec.structs import replace

from s3gw.jobs.sorting.scratch import Scratch
from storage.archives import ArchiveFormat, Member, Shard
from storage.archives.member import plain
from storage.archives.source import Source
from storage.archives.tar_stream import TarCursor
from storage.archives.tar_walk import HardLink
from storage.errors import MalformedArchive
from storage.ranges import Between
from storage.values import Stream

# Shards whose members are smaller on average are copied.
LEAST_BYTES = 128 << 10
_PIECE = 512 << 10


class Copied(Source, frozen=True, kw_only=True):
    """The bytes of an archive in a temporary file, from `base` on."""

    scratch: Scratch
    base: int
    length: int

    @property
    def size(self) -> int:
        return self.length

    async def open(self, span: Between) -> bytes | Stream:
        if len(span) <= _PIECE:
            return await asyncio.to_thread(self.scratch.read, self.base + span.start, len(span))
        return self._pieces(span)

    async def _pieces(self, span: Between) -> Stream:
        for at in range(span.start, span.stop, _PIECE):
            size = min(_PIECE, span.stop - at)
            yield await asyncio.to_thread(self.scratch.read, self.base + at, size)


class InputShard(Struct, frozen=True):
    """One shard with its members; `copied` counts the bytes in the temporary file, or is 0."""

    shard: Shard
    members: list[Member]
    copied: int = 0
    is_compressed: bool = False

    @property
    def modified_s(self) -> int:
        return self.shard.info.modified_ns // 1_000_000_000


async def read_shard(shard: Shard, scratch: Scratch, check: Callable[[], None]) -> InputShard:
    """Find the members, and copy what is to be copied. Raise `MalformedArchive`, `ObjectChanged`,
    `NotSupported` for a member that cannot be read, and what the scratch raises."""
    if shard.format.is_compressed_tar:
        return await _unpack(shard, scratch, check)
    members = [member async for member in shard.members()]
    for member in members:
        member.check_readable()
    if not members or sum(each.size for each in members) >= LEAST_BYTES * len(members):
        return InputShard(shard, members)
    base = scratch.size
    async with aclosing(_noted(shard, scratch, check)) as pieces:
        async for _ in pieces:
            pass
    return _copied(shard, shard.format, members, scratch, base)


async def _unpack(shard: Shard, scratch: Scratch, check: Callable[[], None]) -> InputShard:
    base = scratch.size
    cursor = TarCursor(_noted(shard, scratch, check))
    members: list[Member] = []
    by_name: dict[str, Member] = {}
    try:
        while (found := await cursor.next()) is not None:
            member = _followed(found, by_name) if isinstance(found, HardLink) else found
            member.check_readable()
            by_name.setdefault(plain(member.name), member)
            members.append(member)
    finally:
        await cursor.close()
    return _copied(shard, ArchiveFormat.TAR, members, scratch, base)


def _followed(link: HardLink, by_name: dict[str, Member]) -> Member:
    target = by_name.get(plain(link.target))
    if target is None:
        raise MalformedArchive(f"the hard link {link.name[:256]!r} leads nowhere")
    return replace(target, name=link.name)


async def _noted(shard: Shard, scratch: Scratch, check: Callable[[], None]) -> Stream:
    """Yield the archive's bytes, and keep them in the scratch."""
    body = await shard.whole()
    if isinstance(body, bytes):
        await asyncio.to_thread(scratch.append, body)
        yield body
        return
    async with aclosing(body) as pieces:
        async for piece in pieces:
            check()
            await asyncio.to_thread(scratch.append, piece)
            yield piece


def _copied(
    shard: Shard, kind: ArchiveFormat, members: list[Member], scratch: Scratch, base: int
) -> InputShard:
    length = scratch.size - base
    was = shard.source
    source = Copied(
        was.store, was.bucket, was.info, was.how, scratch=scratch, base=base, length=length
    )
    made = Shard(source, kind, shard.cache)
    return InputShard(made, members, length, shard.format.is_compressed_tar)
