"""Writers of new blobs, where there is room for them."""

from __future__ import annotations

import sys
import time
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from msgspec import Struct

from storage.blobs.chunked_writing import ChunkedWriter
from storage.blobs.folder import BlobPlace
from storage.blobs.space import capacity_bytes, free_bytes, require_room, used_share
from storage.blobs.work_file import WorkFile
from storage.blobs.writing import BlobWriter
from storage.errors import OutOfSpace

_REMEMBERED_S = 0.1


class Watermarks(Struct, frozen=True):
    """Shares of a disk. When more than `refuse` is used, writes are refused until less than
    `accept` is; 1 for never."""

    accept: float = 1.0
    refuse: float = 1.0


class _Seen(Struct):
    """The free bytes of a disk, without those that were promised since."""

    until: float
    free: int


class Writers:
    """`watermarks` may be replaced at any time. `reserve_bytes` of a disk are left free; without
    `sync`, nothing waits for it."""

    def __init__(self, threads: Executor, *, reserve_bytes: int, sync: bool = True) -> None:
        self.watermarks = Watermarks()
        self._refusing: set[Path] = set()
        self._threads = threads
        self._reserve = reserve_bytes
        self._sync = sync
        self._seen: dict[Path, _Seen] = {}

    def require_room(self, place: BlobPlace, size: int) -> None:
        """Raises `OutOfSpace` when so many bytes do not fit beside the reserve, or above the
        watermark. Where there is plenty, the disk is asked ten times a second at most."""
        path = place.folder.path
        now, seen = time.monotonic(), self._seen.get(path)
        if seen is None or now >= seen.until or seen.free < size + self._reserve:
            self._require_watermark(path)
            require_room(path, size, self._reserve)
            free = min(free_bytes(path), self._below_watermark(path))
            seen = self._seen[path] = _Seen(now + _REMEMBERED_S, free)
        seen.free -= size

    def _below_watermark(self, path: Path) -> int:
        """The bytes up to the watermark, and the reserve."""
        refuse = self.watermarks.refuse
        if refuse >= 1:
            return sys.maxsize
        return int((refuse - used_share(path)) * capacity_bytes(path)) + self._reserve

    def _require_watermark(self, path: Path) -> None:
        marks = self.watermarks
        if marks.refuse >= 1:
            self._refusing.discard(path)
            return
        used = used_share(path)
        if used > marks.refuse:
            self._refusing.add(path)
        elif used < marks.accept:
            self._refusing.discard(path)
        if path in self._refusing:
            raise OutOfSpace(
                f"{path}: {used:.1%} used; above {marks.refuse:.0%} writes are "
                f"refused until less than {marks.accept:.0%} is used"
            )

    def work_file(self, place: BlobPlace) -> WorkFile:
        return WorkFile(place.folder, place.slot, sync=self._sync)

    def blob(self, place: BlobPlace, file: WorkFile) -> BlobWriter:
        return BlobWriter(self._threads, file, folder=place.folder.path, reserve=self._reserve)

    def chunked(self, place: BlobPlace) -> ChunkedWriter:
        new_file, writer = partial(self.work_file, place), partial(self.blob, place)
        return ChunkedWriter(self._threads, new_file, writer)
