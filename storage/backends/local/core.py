"""What all operations of the local store share: its disks, its threads, its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

import apsw

from storage.backends.local.blobs import WorkFile, require_room
from storage.backends.local.block_cache import BlockCache
from storage.backends.local.bucket_lookup import BucketLookup
from storage.backends.local.chunked_writing import ChunkedWriter
from storage.backends.local.crossing import Crossings
from storage.backends.local.disk import Disk, Where
from storage.backends.local.index import translated
from storage.backends.local.options import Durability, StoreOptions
from storage.backends.local.placement import place
from storage.backends.local.rows import Row
from storage.backends.local.versions import Bucket
from storage.backends.local.writing import BlobWriter
from storage.clock import Clock
from storage.mountpath import Mountpath

T = TypeVar("T")


class Core:
    def __init__(
        self, mountpaths: Sequence[Mountpath], slot: str, clock: Clock, options: StoreOptions
    ) -> None:
        self._clock = clock
        self._options = options
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="disk")
        # One for all scans: its connection keeps its pages, and scans side by side would spend
        # more on handing Python's lock to and fro than on scanning.
        self._scanner = ThreadPoolExecutor(1, thread_name_prefix="scan")
        self._crossings = Crossings(mountpaths)
        settle = self._crossings.settle
        self._disks = [Disk(each, slot, options.durability, settle) for each in mountpaths]
        self._peers = {disk.mountpath.uuid: disk for disk in self._disks}
        for disk in self._disks:
            disk.peers = self._peers
        self._digests = [mountpath.digest for mountpath in mountpaths]
        self._names = BucketLookup(self._disks[0])
        self._recent = BlockCache()
        self._bucket_changes = asyncio.Lock()
        self._crossing = asyncio.Lock()  # so that those who wait hold no thread

    def close(self) -> None:
        """Commits what waits and closes every file."""
        self._threads.shutdown()
        self._scanner.shutdown()
        for disk in self._disks:
            disk.close()
        self._crossings.close()
        self._names.close()

    def _bucket(self, name: str) -> Bucket:
        """For a change, which then reaches that bucket whatever its name is by then. Raises
        `BucketNotFound`."""
        return self._names.find(name)

    def _disk(self, bucket: Bucket, name: str) -> Disk:
        return self._disks[place(bucket.label, name, self._digests)]

    def _place(self, bucket: str, name: str) -> tuple[Disk, Where]:
        """Where to look for an object, and its bucket there. Raises `BucketNotFound`, unless the
        looking does."""
        if len(self._disks) == 1:
            return self._disks[0], bucket
        found = self._names.find(bucket)
        return self._disk(found, name), found

    def _blobs_of(self, disk: Disk, row: Row) -> Mountpath:
        """The mountpath with the blobs of an object that is in the disk's index."""
        return self._peers[row.mountpath].mountpath if row.mountpath else disk.mountpath

    def _snapshots(self, stack: ExitStack) -> list[apsw.Connection]:
        """Of all mountpaths at one moment: no object is on its way from one to another. For a
        thread."""
        if len(self._disks) == 1:
            return [stack.enter_context(self._disks[0].snapshot())]
        with ExitStack() as attempt:
            before = self._crossings.count()
            connections = _open_all(attempt, self._disks)
            if before % 2 == 0 and self._crossings.count() == before:
                stack.push(attempt.pop_all())
                return connections
        with self._crossings.alone():
            return _open_all(stack, self._disks)

    def _writer(self, disk: Disk, file: WorkFile) -> BlobWriter:
        return BlobWriter(
            self._threads,
            file,
            folder=disk.mountpath.path,
            reserve=self._options.reserve_bytes,
        )

    def _chunked_writer(self, disk: Disk) -> ChunkedWriter:
        new_file, writer = partial(self._work_file, disk), partial(self._writer, disk)
        return ChunkedWriter(self._threads, new_file, writer)

    def _work_file(self, disk: Disk) -> WorkFile:
        return WorkFile(disk.mountpath, disk.slot, sync=self._options.durability is Durability.SYNC)

    def _require_room(self, disk: Disk, size: int) -> None:
        require_room(disk.mountpath.path, size, self._options.reserve_bytes)

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """For a change in several commits: a caller that leaves waits until it is whole."""
        task = asyncio.create_task(work)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            task.exception()
            raise cancelled
        return task.result()

    async def _scan(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.wrap_future(self._scanner.submit(_run, job, *args))

    async def _in_thread(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.wrap_future(self._threads.submit(_run, job, *args))


def _open_all(stack: ExitStack, disks: Sequence[Disk]) -> list[apsw.Connection]:
    connections = [stack.enter_context(disk.snapshot()) for disk in disks]
    for connection in connections:
        connection.execute("SELECT 1 FROM buckets LIMIT 1").fetchall()  # it begins with a read
    return connections


def _run(job: Callable[..., T], *args: Any) -> T:
    with translated():
        return job(*args)
