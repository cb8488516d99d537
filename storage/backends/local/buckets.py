"""Buckets in the indexes of all mountpaths, kept equal under a file lock.

The rows in the first mountpath's index are authoritative. The others repeat them with the same id,
so that each transaction of an object finds its bucket in its own index. Creating, renaming and
removing a bucket takes a commit in each; a file lock excludes other processes meanwhile, and
`reconcile` repairs what a crash left half done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import apsw

from storage import failpoints
from storage.backend import BucketChange, unchanged
from storage.backends.local.bucket_copies import (
    CopyBucket,
    CopyTrash,
    MarkBucket,
    RestoreBucket,
    UnmarkBucket,
    holds_objects,
    revision,
)
from storage.backends.local.bucket_names import names_by_label, write_names
from storage.backends.local.disk import Disk
from storage.backends.local.disks import Disks
from storage.backends.local.index import ACTIVE, DELETING
from storage.backends.local.mountpath import FileLock
from storage.backends.local.transaction import Mutation, in_transaction
from storage.blobs.threads import Threads, to_the_end
from storage.clock import Clock
from storage.errors import BucketNotEmpty, StorageError
from storage.index.bucket_mutations import (
    CreateBucket,
    RemoveBucket,
    RenameBucket,
    TrashBucket,
    UpdateBucket,
)
from storage.index.rows import decode_bucket
from storage.index.versions import Bucket
from storage.values import BucketInfo, BucketOptions

log = logging.getLogger(__name__)


class Buckets:
    def __init__(self, disks: Disks, threads: Threads, clock: Clock) -> None:
        self._disks = disks
        self._threads = threads
        self._clock = clock
        self._changes = asyncio.Lock()  # so that those who wait hold no thread

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        info = BucketInfo.from_options(name, options, self._clock.now_ns())
        async with self._locked():
            return await to_the_end(self._create(info))

    async def _create(self, info: BucketInfo) -> BucketInfo:
        first, *others = self._disks
        bucket: Bucket = await first.committer.run(CreateBucket(info))
        try:
            for disk in others:
                await disk.committer.run(CopyBucket(bucket))
            if bucket.info.label:
                await self._threads.run(self._write_names)
        except StorageError:
            await self._undo(RemoveBucket(bucket.key))
            raise
        return bucket.info

    async def _undo(self, change: Mutation[None]) -> None:
        """On every mountpath. What fails of it is repaired by the next start."""
        for disk in reversed(self._disks):
            with suppress(StorageError):
                await disk.committer.run(change)

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        async with self._locked():
            return await to_the_end(self._update(name, change))

    async def _update(self, name: str, change: BucketChange) -> BucketInfo:
        first, *others = self._disks
        before = first.bucket(name)
        bucket: Bucket = await first.committer.run(UpdateBucket(name, change))
        try:
            for disk in others:
                await disk.committer.run(CopyBucket(bucket))
        except StorageError:
            await self._undo(RestoreBucket(before))
            raise
        return bucket.info

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        async with self._locked():
            return await to_the_end(self._rename(name, new_name, change))

    async def _rename(self, name: str, new_name: str, change: BucketChange) -> BucketInfo:
        """The name is written down before the commit in the first index, which is the rename: a
        disk that takes no file then refuses it."""
        first, *others = self._disks
        before = first.bucket(name)
        await self._threads.run(self._write_names, {before.label: new_name})
        failpoints.hit("bucket_rename_after_names")
        try:
            bucket: Bucket = await first.committer.run(RenameBucket(name, new_name, change))
        except BaseException:
            await self._threads.run(self._write_names)
            raise
        failpoints.hit("bucket_rename_after_first")
        try:
            for disk in others:
                await disk.committer.run(CopyBucket(bucket))
        except StorageError:
            await self._undo(RestoreBucket(before))
            await self._write_names_later()
            raise
        failpoints.hit("bucket_rename_after_others")
        return bucket.info

    def _write_names(self, coming: dict[str, str] | None = None) -> None:
        """For a thread."""
        with self._disks.first.snapshot() as connection:
            names = names_by_label(connection) | (coming or {})
        write_names([disk.mountpath for disk in self._disks], names)

    async def _write_names_later(self) -> None:
        """After a removal: a bucket that is gone makes no difference, and the next start, or the
        end of its trash, writes them too."""
        try:
            await self._threads.run(self._write_names)
        except StorageError as error:
            log.warning("names of buckets are written later", extra={"error": str(error)})

    async def head_bucket(self, name: str) -> BucketInfo:
        return self._disks.lookup.find(name).info

    async def list_buckets(self) -> list[BucketInfo]:
        return await self._threads.scan(_list, self._disks.first)

    async def buckets_revision(self) -> int:
        return await self._threads.scan(_revision, self._disks.first)

    async def delete_bucket(self, name: str) -> None:
        async with self._locked():
            await to_the_end(self._remove(name))

    async def _remove(self, name: str) -> None:
        """The first index goes last: until then the bucket is there, and a crash is repaired."""
        bucket = self._disks.first.bucket(name)
        await self._threads.run(self._disks.crossings.settle)
        for disk in self._disks:
            # Looked at first, so that a refusal does not stop puts elsewhere for a moment.
            await self._threads.run(_require_empty, disk, bucket)
        marked: list[Disk] = []
        try:
            for disk in self._disks:
                await disk.committer.run(MarkBucket(bucket))
                marked.append(disk)
        except StorageError:
            for disk in marked:
                await disk.committer.run(UnmarkBucket(bucket))
            raise
        try:
            for disk in reversed(self._disks):
                await disk.committer.run(RemoveBucket(bucket.key))
        except StorageError:
            await self._undo(RestoreBucket(bucket))
            raise
        if bucket.info.label:
            await self._write_names_later()

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        async with self._locked():
            await to_the_end(self._discard(name, change))

    async def _discard(self, name: str, change: BucketChange) -> None:
        """Its objects are removed later by maintenance. A rename between disks is settled first,
        since no later request for its names would do that."""
        first, *others = self._disks
        bucket: Bucket = await first.committer.run(TrashBucket(name, change))
        failpoints.hit("bucket_discard_after_first")
        try:
            for disk in others:
                await disk.committer.run(CopyTrash(bucket))
            failpoints.hit("bucket_discard_after_others")
            await self._threads.run(self._disks.crossings.settle)
        except StorageError as error:
            # It is gone with the first commit; the next start does the rest.
            log.warning("a bucket leaves a disk later", extra={"error": str(error)})
        await self._write_names_later()

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        async with self._changes:
            lock = await self._threads.run(FileLock, self._disks.first.mountpath.buckets_lock)
            try:
                self._disks.lookup.begin_change()
                yield
            finally:
                self._disks.lookup.end_change()
                lock.close()


def _require_empty(disk: Disk, bucket: Bucket) -> None:
    with disk.snapshot() as connection:
        if holds_objects(connection, bucket.key):
            raise BucketNotEmpty(bucket.info.name)


def _list(disk: Disk) -> list[BucketInfo]:
    with disk.snapshot() as connection:
        rows: Any = connection.execute("SELECT row FROM buckets ORDER BY name").fetchall()
    return [decode_bucket(row) for (row,) in rows]


def _revision(disk: Disk) -> int:
    with disk.snapshot() as connection:
        return revision(connection)


def reconcile(connections: Sequence[apsw.Connection]) -> None:
    """Repair buckets that were being created, renamed or removed; for the lock's holder."""
    truth, trash = _rows(connections[0]), _trash(connections[0])
    for key, (state, info) in truth.items():
        empty = not any(holds_objects(connection, key) for connection in connections)
        if state == DELETING and empty:
            _remove_everywhere(connections, key)
        else:
            for connection in connections:
                _repair(connection, Bucket(key, info))
    for connection in connections[1:]:
        for bucket in trash:
            _repair_trash(connection, bucket)
        for key in _rows(connection).keys() - truth.keys():
            in_transaction(connection, RemoveBucket(key))


def _rows(connection: apsw.Connection) -> dict[int, tuple[int, BucketInfo]]:
    rows: Any = connection.execute("SELECT id, state, row FROM buckets").fetchall()
    return {key: (state, decode_bucket(row)) for key, state, row in rows}


def _trash(connection: apsw.Connection) -> list[Bucket]:
    rows: Any = connection.execute("SELECT id, row FROM trash").fetchall()
    return [Bucket(key, decode_bucket(row)) for key, row in rows]


def _remove_everywhere(connections: Sequence[apsw.Connection], key: int) -> None:
    for connection in reversed(connections):
        if key in _rows(connection):
            in_transaction(connection, RemoveBucket(key))


def _repair(connection: apsw.Connection, bucket: Bucket) -> None:
    if _rows(connection).get(bucket.key) != (ACTIVE, bucket.info):
        in_transaction(connection, CopyBucket(bucket))


def _repair_trash(connection: apsw.Connection, bucket: Bucket) -> None:
    """One whose row is there is not in the trash yet; one that is in neither is emptied already."""
    if bucket.key in _rows(connection):
        in_transaction(connection, CopyTrash(bucket))
