"""Reading of objects and listings.

A row can be replaced, and its blobs removed, between the lookup and the opening of a blob; then
everything is looked up once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cluster.database.patience import PatientReader
from cluster.index.listing import entries_of
from cluster.index.lookups import MOST, Lookups
from cluster.index.version_listing import version_entries_of
from storage.blobs.batches import BatchBodies, FoundObject
from storage.blobs.folder import BlobFolder
from storage.blobs.location import locate, span_of
from storage.blobs.reader import BlobReader
from storage.blobs.reading import Vanished
from storage.blobs.threads import Threads
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_of
from storage.errors import Corrupt, StorageError
from storage.index.paging import (
    NamedRow,
    VersionRow,
    listed_page,
    listed_version_page,
    object_page,
    version_page,
)
from storage.index.rows import Row, decode_manifest
from storage.listing import part_page
from storage.ranges import PartNumber
from storage.values import (
    READ_ALL,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectRead,
    Page,
    PartPage,
    Reading,
    ReadOptions,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


class ObjectReader:
    """Rows of pages are decoded in a thread."""

    def __init__(
        self,
        index: PatientReader,
        lookups: Lookups,
        folder: BlobFolder,
        threads: Threads,
        bodies: BlobReader,
    ) -> None:
        self._index = index
        self._lookups = lookups
        self._folder = folder
        self._threads = threads
        self._bodies = bodies
        self._batches = BatchBodies(threads, self.get_object)

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        entries, more = await entries_of(self._index, bucket, query)
        return await self._threads.scan(_object_page, entries, more)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        entries, more = await entries_of(self._index, bucket, query)
        return await self._threads.scan(_show_page, entries, more, show)

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        entries, more = await version_entries_of(self._index, bucket, query)
        return await self._threads.scan(_version_page, entries, more)

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        entries, more = await version_entries_of(self._index, bucket, query)
        return await self._threads.scan(_show_version_page, entries, more, show)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        payload = None
        if isinstance(options.want, PartNumber):
            row, payload = await self._lookups.open(bucket, name, options.version)
        else:
            row = await self._lookups.find(bucket, name, options.version)
        info = row.info(name)
        check_read(options.condition, info)
        want = wanted_of(options, info)
        return Reading(info, span_of(row, payload, want), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        seen: Row | None = None
        while True:
            row, payload = await self._lookups.open(bucket, name, options.version)
            info = row.info(name)
            check_read(options.condition, info)
            span = span_of(row, payload, wanted_of(options, info))
            data_key = await unlocked(info, options.unlock)
            try:
                body = locate(row, payload, span, data_key)
                if not isinstance(body, bytes):
                    body_of_blobs = self._bodies.read(self._folder, body, options.before_stream)
                    return Reading(info, span, await body_of_blobs)
                return Reading(info, span, body)
            except Vanished as error:
                if row == seen:
                    raise Corrupt(f"the bytes of {bucket}/{name} are missing") from error
                seen = row

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        reads = reads[:MOST]
        rows = await self._lookups.open_many(reads)
        found = [
            each if isinstance(each, StorageError) else FoundObject(self._folder, *each)
            for each in rows
        ]
        return await self._batches.read(reads, found, room_bytes)

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        row, payload = await self._lookups.open(bucket, name, version)
        if not row.parts or payload is None:
            return PartPage(())
        return part_page(decode_manifest(payload).uploads(), after, max(limit, 0))


def _object_page(entries: Sequence[NamedRow], more: bool) -> Page:
    return object_page(entries, more=more)


def _show_page(entries: Sequence[NamedRow], more: bool, show: Callable[[ListedPage], T]) -> T:
    return show(listed_page(entries, more=more))


def _version_page(entries: Sequence[VersionRow], more: bool) -> VersionPage:
    return version_page(entries, more=more)


def _show_version_page(
    entries: Sequence[VersionRow], more: bool, show: Callable[[ListedVersionPage], T]
) -> T:
    return show(listed_version_page(entries, more=more))
