"""The durable store on local mountpaths: the index is the truth, the blobs are immutable."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storage.backends.local.buckets import Buckets
from storage.backends.local.index import translated
from storage.backends.local.listing import Snapshots
from storage.backends.local.options import StoreOptions
from storage.backends.local.rechunking import Rechunking
from storage.backends.local.uploads import Uploads
from storage.clock import Clock, SystemClock
from storage.mountpath import Mountpath, read_mountpaths
from storage.values import Usage

_SYSTEM_CLOCK = SystemClock()
_DEFAULTS = StoreOptions()


class LocalStore(Buckets, Rechunking, Uploads):
    """One process' view of the mountpaths; any number of processes share them, each in a slot."""

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

    async def usage(self) -> Usage:
        mountpaths = [disk.mountpath for disk in self._disks]
        return await self._in_thread(_usage, self._snapshots, mountpaths)


def _usage(snapshots: Snapshots, mountpaths: Sequence[Mountpath]) -> Usage:
    objects = stored = buckets = 0
    with ExitStack() as stack:
        for connection in snapshots(stack):
            sql = """SELECT ifnull(sum(objects), 0), ifnull(sum(bytes), 0), count(*) FROM usage
            WHERE bucket IN (SELECT id FROM buckets)"""
            counted: Any = connection.execute(sql).get
            objects, stored, buckets = objects + counted[0], stored + counted[1], counted[2]
    capacity, free = space_of(mountpaths)
    return Usage(buckets, objects, stored, capacity, free)


def space_of(mountpaths: Sequence[Mountpath]) -> tuple[int, int]:
    """Capacity and free bytes; a device that holds two mountpaths counts once."""
    devices = {os.stat(mountpath.path).st_dev: mountpath.path for mountpath in mountpaths}
    stats = [os.statvfs(path) for path in devices.values()]
    return (
        sum(stat.f_blocks * stat.f_frsize for stat in stats),
        sum(stat.f_bavail * stat.f_frsize for stat in stats),
    )
