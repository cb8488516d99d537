"""Reading of objects and listings.

A row can be replaced, and its blobs removed, between the lookup and the opening of a blob; then
everything is looked up once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple, Unpack

from storage.backends.local.disks import Disks
from storage.backends.local.index import translated
from storage.backends.local.listing import list_page, show_page
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.threads import Threads
from storage.backends.local.version_listing import list_version_page, show_version_page
from storage.blobs.blob import BLOCK, FRAME
from storage.blobs.block_cache import BlockCache
from storage.blobs.location import locate, span_of
from storage.blobs.page_cache import WAITING, CachedFiles, Files, NotCached
from storage.blobs.reading import (
    AT_ONCE,
    BlobRange,
    Vanished,
    open_source,
    read_units,
    read_whole,
    stream,
)
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_of
from storage.errors import Corrupt
from storage.index.rows import Row, decode_manifest
from storage.ranges import Between, PartNumber
from storage.values import (
    READ_ALL,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    Page,
    PartPage,
    Reading,
    ReadOptions,
    Stream,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")
Args = TypeVarTuple("Args")


class ObjectReader:
    def __init__(self, disks: Disks, threads: Threads) -> None:
        self._disks = disks
        self._threads = threads
        self._cache = BlockCache()
        # By the mountpath's uuid: each may be on another file system.
        self._cached: dict[str, CachedFiles] = {}

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        self._disks.first.bucket(bucket)
        return await self._threads.scan(list_page, self._disks.snapshots, bucket, query)

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        self._disks.first.bucket(bucket)
        return await self._threads.scan(list_version_page, self._disks.snapshots, bucket, query)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        self._disks.first.bucket(bucket)
        return await self._threads.scan(show_page, self._disks.snapshots, bucket, query, show)

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        self._disks.first.bucket(bucket)
        scan = self._threads.scan
        return await scan(show_version_page, self._disks.snapshots, bucket, query, show)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        disk, where = self._disks.locate(bucket, name)
        payload = None
        if isinstance(options.want, PartNumber):
            row, payload = disk.open(where, name, options.version)
        else:
            row = disk.find(where, name, options.version)
        info = row.info(name)
        check_read(options.condition, info)
        want = wanted_of(options, info)
        return Reading(info, span_of(row, payload, want), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        disk, where = self._disks.locate(bucket, name)
        seen: Row | None = None
        while True:
            row, payload = disk.open(where, name, options.version)
            info = row.info(name)
            check_read(options.condition, info)
            want = wanted_of(options, info)
            span = span_of(row, payload, want)
            data_key = await unlocked(info, options.unlock)
            try:
                body = locate(row, payload, span, data_key)
                if isinstance(body, bytes):
                    return Reading(info, span, body)
                blobs = self._disks.blobs_of(disk, row)
                return Reading(info, span, await self.read(blobs, body, options.before_stream))
            except Vanished as error:
                if row == seen:
                    raise Corrupt(f"the bytes of {bucket}/{name} are missing") from error
                seen = row

    async def read(
        self,
        mountpath: Mountpath,
        wanted: BlobRange,
        before_stream: Callable[[], Awaitable[None]] | None = None,
    ) -> bytes | Stream:
        """A body of one step at once, a longer one as a stream. Raises `Corrupt`, `Vanished`."""
        encrypted = wanted.data_key is not None
        if _within(wanted, FRAME if encrypted else BLOCK, 1):
            if not encrypted:
                return await self._in_block(mountpath, wanted)
            return await self._at_once(mountpath, read_whole, wanted)
        if before_stream is not None:
            await before_stream()
        if not encrypted and _within(wanted, BLOCK, AT_ONCE):
            return await self._at_once(mountpath, read_whole, wanted)
        source, first = await self._at_once(mountpath, open_source, wanted)
        return stream(self._threads.disk, source, first, self._cached_files(mountpath))

    async def _in_block(self, mountpath: Mountpath, wanted: BlobRange) -> bytes:
        """Read a block, or a part of one. The first part of it costs the whole block, which is read
        and verified; for others there are the hashes of its units."""
        ((chunk, span),) = wanted.segments
        start = span.start // BLOCK * BLOCK
        block = Between(start, min(start + BLOCK, chunk.size))
        if span == block:
            return await self._at_once(mountpath, read_whole, wanted)
        key = chunk.blob, start
        found = self._cache.get(key)
        if found is None:
            hashes = self._cache.hashes(key)
            if hashes is not None:
                return await self._at_once(mountpath, read_units, chunk, span, hashes)
            whole = BlobRange([(chunk, block)], wanted.sidecar)
            found = await self._at_once(mountpath, read_whole, whole)
            self._cache.remember(key, found)
        return found[span.start - start : span.stop - start]

    async def _at_once(
        self,
        mountpath: Mountpath,
        read: Callable[[Mountpath, Unpack[Args], Files], T],
        *args: *Args,
    ) -> T:
        """Do one step of reading: here if it needs no disk, else in a thread."""
        try:
            with translated():
                return read(mountpath, *args, self._cached_files(mountpath))
        except NotCached:
            return await self._threads.run(read, mountpath, *args, WAITING)

    def _cached_files(self, mountpath: Mountpath) -> CachedFiles:
        files = self._cached.get(mountpath.uuid)
        if files is None:
            files = self._cached[mountpath.uuid] = CachedFiles()
        return files

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        disk, where = self._disks.locate(bucket, name)
        row, payload = disk.open(where, name, version)
        if not row.parts or payload is None or limit <= 0:
            return PartPage(())
        infos = [info for info in decode_manifest(payload).uploads() if info.number > after]
        page = tuple(infos[:limit])
        return PartPage(page, page[-1].number if len(infos) > limit else None)


def _within(wanted: BlobRange, size: int, count: int) -> bool:
    """Whether all is in so many blocks of that size, one after another."""
    if len(wanted.segments) != 1:
        return False
    span = wanted.segments[0][1]
    return (span.stop - 1) // size - span.start // size < count
