"""Reading of objects and listings.

A row can be replaced, and its blobs removed, between the lookup and the opening of a blob; then
everything is looked up once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from storage.backends.local.disks import Disks
from storage.backends.local.listing import list_page, show_page
from storage.backends.local.version_listing import list_version_page, show_version_page
from storage.blobs.location import locate, span_of
from storage.blobs.reader import BlobReader
from storage.blobs.reading import Vanished
from storage.blobs.threads import Threads
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_of
from storage.errors import Corrupt
from storage.index.rows import Row, decode_manifest
from storage.ranges import PartNumber
from storage.values import (
    READ_ALL,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    Page,
    PartPage,
    Reading,
    ReadOptions,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


class ObjectReader:
    def __init__(self, disks: Disks, threads: Threads, bodies: BlobReader) -> None:
        self._disks = disks
        self._threads = threads
        self._bodies = bodies

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
                stream = await self._bodies.read(blobs, body, options.before_stream)
                return Reading(info, span, stream)
            except Vanished as error:
                if row == seen:
                    raise Corrupt(f"the bytes of {bucket}/{name} are missing") from error
                seen = row

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
