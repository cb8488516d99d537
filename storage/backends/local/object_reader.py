"""Reading of objects and listings.

A row can be replaced, and its blobs removed, between the lookup and the opening of a blob; then
everything is looked up once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from storage.backends.local.blobs import BLOCK, FRAME
from storage.backends.local.block_cache import BlockCache
from storage.backends.local.disks import Disks
from storage.backends.local.listing import list_page, show_page
from storage.backends.local.location import locate, span_of
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.reading import AT_ONCE, BlobRange, Source, Vanished, read_all, stream
from storage.backends.local.rows import Row, decode_manifest
from storage.backends.local.threads import Threads
from storage.backends.local.version_listing import list_version_page, show_version_page
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_part
from storage.errors import Corrupt
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


class ObjectReader:
    def __init__(self, disks: Disks, threads: Threads) -> None:
        self._disks = disks
        self._threads = threads
        self._cache = BlockCache()

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
        want = wanted_part(options.want, options.condition, info)
        return Reading(info, span_of(row, payload, want), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        disk, where = self._disks.locate(bucket, name)
        seen: Row | None = None
        while True:
            row, payload = disk.open(where, name, options.version)
            info = row.info(name)
            check_read(options.condition, info)
            want = wanted_part(options.want, options.condition, info)
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
            return await self._threads.run(_read_whole, mountpath, wanted)
        if before_stream is not None:
            await before_stream()
        if not encrypted and _within(wanted, BLOCK, AT_ONCE):
            return await self._threads.run(_read_whole, mountpath, wanted)
        source, first = await self._threads.run(_open_source, mountpath, wanted)
        return stream(self._threads.disk, source, first)

    async def _in_block(self, mountpath: Mountpath, wanted: BlobRange) -> bytes:
        """Read a block, or a part of one: then the whole block is read, verified and cached."""
        ((chunk, span),) = wanted.segments
        start = span.start // BLOCK * BLOCK
        block = Between(start, min(start + BLOCK, chunk.size))
        if span == block:
            return await self._threads.run(_read_whole, mountpath, wanted)
        key = chunk.blob, start
        found = self._cache.get(key)
        if found is None:
            whole = BlobRange([(chunk, block)], wanted.sidecar)
            found = await self._threads.run(_read_whole, mountpath, whole)
            self._cache.remember(key, found)
        return found[span.start - start : span.stop - start]

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


def _read_whole(mountpath: Mountpath, wanted: BlobRange) -> bytes:
    return read_all(Source(mountpath, wanted))


def _open_source(mountpath: Mountpath, wanted: BlobRange) -> tuple[Source, bytes]:
    source = Source(mountpath, wanted)
    try:
        return source, source.read()
    except BaseException:
        source.close()
        raise
