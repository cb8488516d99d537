"""Writers of new blobs on a chosen disk."""

from __future__ import annotations

import sys
import time
from concurrent.futures import Executor
from functools import partial

from msgspec import Struct

from storage.backends.local.disk import Disk
from storage.backends.local.options import Durability, StoreOptions, Watermarks
from storage.blobs.chunked_writing import ChunkedWriter
from storage.blobs.space import capacity_bytes, free_bytes, require_room, used_share
from storage.blobs.work_file import WorkFile
from storage.blobs.writing import BlobWriter
from storage.errors import OutOfSpace

_REMEMBERED_S = 0.1


class _Seen(Struct):
    """The free bytes of a disk, without those that were promised since."""

    until: float
    free: int


class Writers:
    """`watermarks` may be replaced at any time."""

    def __init__(self, threads: Executor, options: StoreOptions) -> None:
        self.watermarks = Watermarks()
        self._refusing: set[Disk] = set()
        self._threads = threads
        self._reserve = options.reserve_bytes
        self._sync = options.durability is Durability.SYNC
        self._seen: dict[Disk, _Seen] = {}

    def require_room(self, disk: Disk, size: int) -> None:
        """Raises `OutOfSpace` when so many bytes do not fit beside the reserve, or above the
        watermark. Where there is plenty, the disk is asked ten times a second at most."""
        now, seen = time.monotonic(), self._seen.get(disk)
        if seen is None or now >= seen.until or seen.free < size + self._reserve:
            self._require_watermark(disk)
            require_room(disk.mountpath.path, size, self._reserve)
            free = min(free_bytes(disk.mountpath.path), self._below_watermark(disk))
            seen = self._seen[disk] = _Seen(now + _REMEMBERED_S, free)
        seen.free -= size

    def _below_watermark(self, disk: Disk) -> int:
        """The bytes up to the watermark, and the reserve."""
        refuse = self.watermarks.refuse
        if refuse >= 1:
            return sys.maxsize
        capacity = capacity_bytes(disk.mountpath.path)
        return int((refuse - used_share(disk.mountpath.path)) * capacity) + self._reserve

    def _require_watermark(self, disk: Disk) -> None:
        marks = self.watermarks
        if marks.refuse >= 1:
            self._refusing.discard(disk)
            return
        used = used_share(disk.mountpath.path)
        if used > marks.refuse:
            self._refusing.add(disk)
        elif used < marks.accept:
            self._refusing.discard(disk)
        if disk in self._refusing:
            raise OutOfSpace(
                f"{disk.mountpath.path}: {used:.1%} used; above {marks.refuse:.0%} writes are "
                f"refused until less than {marks.accept:.0%} is used"
            )

    def work_file(self, disk: Disk) -> WorkFile:
        return WorkFile(disk.mountpath, disk.slot, sync=self._sync)

    def blob(self, disk: Disk, file: WorkFile) -> BlobWriter:
        folder = disk.mountpath.path
        return BlobWriter(self._threads, file, folder=folder, reserve=self._reserve)

    def chunked(self, disk: Disk) -> ChunkedWriter:
        new_file, writer = partial(self.work_file, disk), partial(self.blob, disk)
        return ChunkedWriter(self._threads, new_file, writer)
