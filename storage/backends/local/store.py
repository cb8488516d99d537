"""The durable store on local mountpaths, composed of its parts.

Each method of `Backend` belongs to one part. The parts share the opened disks, the threads and the
writers of blobs, and nothing else; no part knows the store.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storage.access_times import AccessTimes
from storage.backends.local.batch_reader import BatchReader
from storage.backends.local.buckets import Buckets
from storage.backends.local.disks import Disks
from storage.backends.local.index import translated
from storage.backends.local.listing import Snapshots
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.object_reader import ObjectReader
from storage.backends.local.object_writer import ObjectWriter
from storage.backends.local.options import Durability, StoreOptions
from storage.backends.local.rechunking import Rechunker
from storage.backends.local.uploads import Uploads
from storage.blobs.reader import BlobReader
from storage.blobs.space import free_bytes, used_share
from storage.blobs.threads import Threads
from storage.capabilities import ALL_CAPABILITIES
from storage.clock import Clock, SystemClock
from storage.values import Usage
from storage.writing.objects import ObjectBodies
from storage.writing.parts import UploadBodies
from storage.writing.rechunking import Rewriter
from storage.writing.writers import Watermarks, Writers

_SYSTEM_CLOCK = SystemClock()
_DEFAULTS = StoreOptions()
# What a transaction of the index may need.
_LEAST_ROOM = 64 << 10


class LocalStore:
    """One process' view of the mountpaths; any number of processes share them, each in a slot."""

    capabilities = ALL_CAPABILITIES

    def __init__(
        self, mountpaths: Sequence[Mountpath], slot: str, clock: Clock, options: StoreOptions
    ) -> None:
        self._reserve = options.reserve_bytes
        self.access_times = AccessTimes(mountpaths[0].path / "access.db", clock)
        self.threads = threads = Threads(options.threads, translated)
        self.disks = disks = Disks(mountpaths, slot, options.durability, clock)
        sync = options.durability is Durability.SYNC
        reserve = options.reserve_bytes
        self._writers = writers = Writers(threads.disk, reserve_bytes=reserve, sync=sync)
        inline_limit = options.inline_limit
        buckets = Buckets(disks, threads, clock)
        bodies = BlobReader(threads)
        reader = ObjectReader(disks, threads, bodies)
        batches = BatchReader(disks, threads, reader)
        writer = ObjectWriter(disks, threads, ObjectBodies(writers, clock, inline_limit))
        uploads = Uploads(disks, threads, clock, bodies, UploadBodies(writers, clock))
        rechunker = Rechunker(disks, Rewriter(bodies, writers, inline_limit))

        # Attributes and not methods that pass the call on: those would repeat every signature of
        # `Backend`, and cost each request another coroutine.
        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.rename_bucket = buckets.rename_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.discard_bucket = buckets.discard_bucket
        self.list_buckets = buckets.list_buckets
        self.buckets_revision = buckets.buckets_revision

        self.list_objects = reader.list_objects
        self.show_objects = reader.show_objects
        self.list_versions = reader.list_versions
        self.show_versions = reader.show_versions
        self.list_object_parts = reader.list_object_parts
        self.head_object = reader.head_object
        self.get_object = reader.get_object
        self.get_objects = batches.get_objects

        self.put_object = writer.put_object
        self.update_object = writer.update_object
        self.rename_object = writer.rename_object
        self.delete_object = writer.delete_object
        self.delete_objects = writer.delete_objects

        self.create_upload = uploads.create_upload
        self.head_upload = uploads.head_upload
        self.list_uploads = uploads.list_uploads
        self.put_part = uploads.put_part
        self.get_part = uploads.get_part
        self.list_parts = uploads.list_parts
        self.complete_upload = uploads.complete_upload
        self.abort_upload = uploads.abort_upload
        self.rechunk_object = rechunker.rechunk_object

    @classmethod
    def open(
        cls,
        paths: Sequence[Path],
        *,
        slot: str,
        clock: Clock = _SYSTEM_CLOCK,
        options: StoreOptions = _DEFAULTS,
    ) -> LocalStore:
        """Raises `MountpathError` unless `prepare` made these folders ready."""
        with translated():
            return cls(read_mountpaths(paths), slot, clock, options)

    def keep_to(self, watermarks: Watermarks) -> None:
        """Refuse writes by these from now on."""
        self._writers.watermarks = watermarks

    def surplus_bytes(self, low: float, high: float) -> int:
        """Return the bytes to remove, wherever they are, so that every disk has at most the share
        `low` of it used; 0 unless one has more than `high`. Names are spread over the disks."""
        paths = [disk.mountpath.path for disk in self.disks]
        used = max(used_share(path) for path in paths)
        capacity, _ = space_of([disk.mountpath for disk in self.disks])
        return int((used - low) * capacity) if used > high else 0

    def close(self) -> None:
        """Commit what waits and close every file."""
        self.access_times.close()
        self.threads.close()
        self.disks.close()

    async def usage(self) -> Usage:
        mountpaths = [disk.mountpath for disk in self.disks]
        return await self.threads.run(_usage, self.disks.snapshots, mountpaths, self._reserve)


def _usage(snapshots: Snapshots, mountpaths: Sequence[Mountpath], reserve: int) -> Usage:
    objects = stored = buckets = 0
    with ExitStack() as stack:
        for connection in snapshots(stack):
            sql = """SELECT ifnull(sum(objects), 0), ifnull(sum(bytes), 0), count(*) FROM usage
            WHERE bucket IN (SELECT id FROM buckets)"""
            counted: Any = connection.execute(sql).get
            objects, stored, buckets = objects + counted[0], stored + counted[1], counted[2]
    capacity, free = space_of(mountpaths)
    room = has_room([mountpath.path for mountpath in mountpaths], reserve)
    return Usage(buckets, objects, stored, capacity, free, room)


def has_room(paths: Sequence[Path], reserve_bytes: int) -> bool:
    """Whether more can be written, wherever it belongs."""
    return all(free_bytes(path) > max(reserve_bytes, _LEAST_ROOM) for path in paths)


def space_of(mountpaths: Sequence[Mountpath]) -> tuple[int, int]:
    """Capacity and free bytes; a device that holds two mountpaths counts once."""
    devices = {os.stat(mountpath.path).st_dev: mountpath.path for mountpath in mountpaths}
    stats = [os.statvfs(path) for path in devices.values()]
    return (
        sum(stat.f_blocks * stat.f_frsize for stat in stats),
        sum(stat.f_bavail * stat.f_frsize for stat in stats),
    )
