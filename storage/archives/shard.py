"""Opening of archives, and reading of their members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, suppress

from msgspec import Struct
from msgspec.structs import replace

from storage.archives.cache import IndexCache
from storage.archives.contents import Contents
from storage.archives.formats import (
    MAGIC_BYTES,
    ArchiveFormat,
    format_of_bytes,
    format_of_name,
)
from storage.archives.index import ShardIndex
from storage.archives.index_key import IndexKey
from storage.archives.keyed_lock import KeyedLock
from storage.archives.member import Member, MemberReading, Packing
from storage.archives.selection import Selection
from storage.archives.source import Source
from storage.archives.tar_index import index_stream, index_tar
from storage.archives.tar_stream import TarCursor
from storage.archives.tar_walk import HardLink
from storage.archives.unpacking import PIECE, unpacked, unpacker_of
from storage.archives.zip_index import index_zip
from storage.archives.zip_read import open_zipped
from storage.backend import Backend
from storage.cipher import unlocked
from storage.conditions import wanted_part
from storage.errors import MemberNotFound, ObjectChanged, RangeNotSatisfiable
from storage.pacing import paced
from storage.ranges import Between, From, Last, resolve
from storage.values import ALWAYS, READ_ALL, ObjectInfo, ReadOptions, Stream, Unlock

Part = Between | From | Last
# An archive that is replaced again and again, faster than it can be read, is not waited for.
_ATTEMPTS = 4
# How many names are searched in one step, and how many are too few for a thread.
_SEARCHED, _FEW = 20_000, 500


class Archives:
    """Opens archives, and keeps the indexes of those that have one. Who writes on an archive takes
    a turn, or they would undo one another's work."""

    def __init__(self, cache: IndexCache | None = None) -> None:
        self._cache = cache or IndexCache()
        self._writers = KeyedLock()

    def turn(self, bucket: str, name: str) -> AbstractAsyncContextManager[None]:
        """Of this process: others may write all the same, and are found out at the end."""
        return self._writers.hold((bucket, name))

    async def open(
        self,
        store: Backend,
        bucket: str,
        name: str,
        options: ReadOptions = READ_ALL,
        kind: ArchiveFormat | None = None,
    ) -> Shard:
        """The archive as it is now, of the format `kind` if it is given. `options.want` has no
        meaning here.

        Raises `NotAnArchive`, and what `Backend.get_object` raises: conditions are of the archive,
        and who cannot read it does not learn what is in it either.
        """
        head = ReadOptions(None, options.condition, options.version)
        info = (await store.head_object(bucket, name, head)).info
        await unlocked(info, options.unlock)
        source = Source(store, bucket, info, replace(options, want=None, condition=ALWAYS))
        return Shard(source, kind or await _format(source), self._cache)

    def of(
        self,
        store: Backend,
        bucket: str,
        info: ObjectInfo,
        kind: ArchiveFormat,
        unlock: Unlock | None = None,
    ) -> Shard:
        """The archive that a listing found; the caller has checked the right to read it."""
        return Shard(Source(store, bucket, info, ReadOptions(unlock=unlock)), kind, self._cache)

    async def open_member(
        self, store: Backend, bucket: str, name: str, asked: MemberAsked
    ) -> tuple[Shard, MemberReading]:
        """One member of an archive as it is now, with an empty body for a HEAD. Raises as `open`
        and `Shard.open` do."""
        kind = asked.kind or format_of_name(name)
        if kind is not None and not asked.head and not kind.is_compressed_tar:
            with suppress(_NotAtHand):
                return await self._open_at_hand(store, bucket, name, asked, kind)
        for attempt in range(_ATTEMPTS):
            shard = await self.open(store, bucket, name, asked.options, asked.kind)
            try:
                part = wanted_part(asked.part, asked.options.condition, shard.info)
                if asked.head:
                    return shard, await shard.head(asked.path, part)
                return shard, await shard.open(asked.path, part)
            except ObjectChanged:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    async def _open_at_hand(
        self, store: Backend, bucket: str, name: str, asked: MemberAsked, kind: ArchiveFormat
    ) -> tuple[Shard, MemberReading]:
        """A stored member, found in an index that is in memory: with one look-up of the archive."""
        how = asked.options
        found: tuple[Member, Between] | None = None

        def choose(info: ObjectInfo) -> Between:
            nonlocal found
            index = self._cache.at_hand(IndexKey.of(bucket, info, kind))
            member = index.find(asked.path) if index is not None else None
            if member is None or member.packing is not Packing.STORED:
                raise _NotAtHand
            try:
                span = resolve(wanted_part(asked.part, how.condition, info), member.size)
            except RangeNotSatisfiable:
                # Not to be known before the right to read the archive is.
                raise _NotAtHand from None
            if not len(span):
                raise _NotAtHand
            found = member, span
            return Between(member.offset + span.start, member.offset + span.stop)

        options = ReadOptions(
            None, how.condition, how.version, how.unlock, how.before_stream, choose
        )
        reading = await store.get_object(bucket, name, options)
        assert found is not None
        member, span = found
        unconditional = ReadOptions(None, ALWAYS, how.version, how.unlock, how.before_stream)
        source = Source(store, bucket, reading.info, unconditional)
        return Shard(source, kind, self._cache), MemberReading(member, span, reading.body)


class _NotAtHand(Exception):
    """The member has to be looked for."""


class MemberAsked(Struct, frozen=True):
    """A member of an archive, the part of it that is wanted, and how to read the archive."""

    path: str
    part: Part | None = None
    options: ReadOptions = READ_ALL
    kind: ArchiveFormat | None = None
    head: bool = False


async def _format(source: Source) -> ArchiveFormat:
    name = source.info.name
    return format_of_name(name) or format_of_bytes(
        name, await source.read(0, min(MAGIC_BYTES, source.size))
    )


class Shard(Struct, frozen=True):
    """One archive as it was when it was opened.

    All methods raise `MalformedArchive`, and `ObjectChanged` once another object has its name.
    """

    source: Source
    format: ArchiveFormat
    cache: IndexCache

    @property
    def info(self) -> ObjectInfo:
        return self.source.info

    async def find(self, name: str) -> Member | None:
        """The first member of that name, where there is an index; see `has_index`."""
        return (await self.index()).find(name)

    @property
    def has_index(self) -> bool:
        """Whether members are read through it: a compressed tar's has their names only."""
        return not self.format.is_compressed_tar

    async def open(self, name: str, part: Part | None = None) -> MemberReading:
        """A member's content. Raises `MemberNotFound`, `RangeNotSatisfiable`, `NotSupported`."""
        if not self.has_index:
            return await self._open_unpacked(name, part)
        member = await self.find(name)
        if member is None:
            raise MemberNotFound(f"{self.info.name}/{name}")
        return await self.open_member(member, part)

    async def head(self, name: str, part: Part | None = None) -> MemberReading:
        """As `open`, with an empty body."""
        if self.has_index:
            member = await self.find(name)
        else:
            cursor = await self.cursor()
            try:
                member = await cursor.find(name)
            finally:
                await cursor.close()
        if member is None:
            raise MemberNotFound(f"{self.info.name}/{name}")
        member.check_readable()
        return MemberReading(member, resolve(part, member.size), b"")

    async def open_member(self, member: Member, part: Part | None = None) -> MemberReading:
        """A member that `find` found."""
        member.check_readable()
        span = resolve(part, member.size)
        if member.packing is Packing.STORED:
            inside = Between(member.offset + span.start, member.offset + span.stop)
            return MemberReading(member, span, await self.source.open(inside))
        return MemberReading(member, span, await open_zipped(self.source, member, span))

    async def _open_unpacked(self, name: str, part: Part | None) -> MemberReading:
        cursor = await self.cursor()
        try:
            member = await cursor.find(name)
            if member is None:
                raise MemberNotFound(f"{self.info.name}/{name}")
            member.check_readable()
            span = resolve(part, member.size)
            if len(span) <= PIECE:
                body = b"".join([piece async for piece in cursor.content(span.start, span.stop)])
                await cursor.close()
                return MemberReading(member, span, body)
        except BaseException:
            await cursor.close()
            raise
        return MemberReading(member, span, _rest_of(cursor, span))

    async def members(self) -> AsyncGenerator[Member, None]:
        """All members that are files, in the archive's order."""
        if self.has_index:
            async for member in paced(await self.index()):
                yield member
            return
        cursor = await self.cursor()
        try:
            while (found := await cursor.next()) is not None:
                yield Member(found.name, 0, 0) if isinstance(found, HardLink) else found
        finally:
            await cursor.close()

    async def select(self, selection: Selection) -> AsyncGenerator[MemberReading, None]:
        """The members that are wanted, open one after another; each body is to be read to its end,
        or closed, before the next one is requested. Raises `NotSupported`."""
        if self.has_index:
            async for member in _chosen(await self.index(), selection):
                yield await self.open_member(member)
            return
        cursor = await self.cursor()
        try:
            while (found := await cursor.next()) is not None:
                if isinstance(found, Member) and selection.takes(found.name):
                    found.check_readable()
                    body = cursor.content(0, found.size)
                    yield MemberReading(found, Between(0, found.size), body)
                    await body.aclose()
        finally:
            await cursor.close()

    async def contents(self) -> Contents:
        """All members by name, whatever the format is."""
        index = await self.index()
        await asyncio.to_thread(index.order)
        return Contents(self.info, index)

    async def whole(self) -> bytes | Stream:
        """The archive's bytes, those of a compressed tar unpacked."""
        body = await self.source.open(Between(0, self.source.size))
        return body if self.has_index else unpacked(body, unpacker_of(self.format))

    async def index(self) -> ShardIndex:
        """That of a compressed tar says what is in it, but not where."""
        info = self.source.info
        key = IndexKey.of(self.source.bucket, info, self.format)
        secret = info.attributes.encryption is not None
        return await self.cache.get(key, self._build, secret=secret)

    async def _build(self) -> ShardIndex:
        if not self.has_index:
            cursor = await self.cursor()
            try:
                return await index_stream(cursor)
            finally:
                await cursor.close()
        build = index_zip if self.format is ArchiveFormat.ZIP else index_tar
        return await build(self.source)

    async def cursor(self) -> TarCursor:
        """Through a compressed tar, from its beginning."""
        packed = await self.source.open(Between(0, self.source.size))
        return TarCursor(unpacked(packed, unpacker_of(self.format)))


async def _chosen(index: ShardIndex, selection: Selection) -> AsyncGenerator[Member, None]:
    """Look for them some thousands at a time, in a thread."""
    for start in range(0, len(index), _SEARCHED):
        stop = min(start + _SEARCHED, len(index))
        if len(index) > _FEW:
            found = await asyncio.to_thread(index.chosen, selection.takes, start, stop)
        else:
            found = index.chosen(selection.takes, start, stop)
        async for position in paced(found):
            yield index.member(position)


async def _rest_of(cursor: TarCursor, span: Between) -> Stream:
    try:
        async with aclosing(cursor.content(span.start, span.stop)) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        await cursor.close()
