"""The opened mountpaths of one store, and the home of each name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import apsw

from storage.backends.local.bucket_lookup import BucketLookup
from storage.backends.local.crossing import Crossings
from storage.backends.local.disk import Disk, Where
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.options import Durability
from storage.backends.local.placement import place
from storage.clock import Clock
from storage.index.rows import Row
from storage.index.versions import Bucket


class Disks:
    """In the store's own order; the first one's index has the buckets' names.
    For one event loop."""

    def __init__(
        self, mountpaths: Sequence[Mountpath], slot: str, durability: Durability, clock: Clock
    ) -> None:
        self.crossings = Crossings(mountpaths, clock)
        settle = self.crossings.settle
        self._disks = [Disk(each, slot, durability, clock, settle) for each in mountpaths]
        self._by_uuid = {disk.mountpath.uuid: disk for disk in self._disks}
        for disk in self._disks:
            disk.peers = self._by_uuid
        self._digests = [mountpath.digest for mountpath in mountpaths]
        self.lookup = BucketLookup(self._disks[0])

    def __iter__(self) -> Iterator[Disk]:
        return iter(self._disks)

    def __reversed__(self) -> Iterator[Disk]:
        return reversed(self._disks)

    @property
    def first(self) -> Disk:
        return self._disks[0]

    @property
    def others(self) -> list[Disk]:
        return self._disks[1:]

    def bucket(self, name: str) -> Bucket:
        """Look a bucket up for a change; it reaches the bucket even if that is renamed. Raises
        `BucketNotFound`."""
        return self.lookup.find(name)

    def home(self, bucket: Bucket, name: str) -> Disk:
        """The disk that a name of that bucket belongs to."""
        return self._disks[place(bucket.label, name, self._digests)]

    def number_of(self, disk: Disk) -> int:
        return self._disks.index(disk)

    def locate(self, bucket: str, name: str) -> tuple[Disk, Where]:
        """Where to look for an object, and its bucket there. Raises `BucketNotFound`, unless the
        look-up there does."""
        if len(self._disks) == 1:
            return self._disks[0], bucket
        found = self.lookup.find(bucket)
        return self.home(found, name), found

    def blobs_of(self, disk: Disk, row: Row) -> Mountpath:
        """The mountpath with the blobs of an object that is in the disk's index."""
        return self._by_uuid[row.mountpath].mountpath if row.mountpath else disk.mountpath

    def snapshots(self, stack: ExitStack) -> list[apsw.Connection]:
        """Connections to all indexes at one moment: no object is on its way from one to another.
        For a thread."""
        if len(self._disks) == 1:
            return [stack.enter_context(self._disks[0].snapshot())]
        with ExitStack() as attempt:
            before = self.crossings.count()
            connections = _open_all(attempt, self._disks)
            if before % 2 == 0 and self.crossings.count() == before:
                stack.push(attempt.pop_all())
                return connections
        with self.crossings.alone():
            return _open_all(stack, self._disks)

    def close(self) -> None:
        """Commit what waits and close every file."""
        for disk in self._disks:
            disk.close()
        self.crossings.close()
        self.lookup.close()


def _open_all(stack: ExitStack, disks: Sequence[Disk]) -> list[apsw.Connection]:
    connections = [stack.enter_context(disk.snapshot()) for disk in disks]
    for connection in connections:
        connection.execute("SELECT 1 FROM buckets LIMIT 1").fetchall()  # it begins with a read
    return connections
