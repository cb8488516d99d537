"""Ballast: room that is kept for what makes room.

SQLite writes before it deletes, so on a disk that others fill to the last byte nothing could be
deleted, and no server started. The file `ballast` in each data folder is allocated while there is
room, and given up a piece at a time when a deletion or a start finds none. Housekeeping allocates
it again. Where the file system copies on write, it is only a hint.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from storage.blobs.space import free_bytes

LARGEST = 16 << 20
# On a small disk, this share of it.
_SHARE = 32
_PIECES = 16


class Ballast:
    """That of one data folder; any process may give it up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ballast"

    def give_up(self) -> bool:
        """A piece of it; False when there is none left, or the disk is not full."""
        if free_bytes(self._folder) >= self._whole() // _PIECES:
            return False
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            size = os.fstat(fd).st_size
            os.ftruncate(fd, max(0, size - max(self._whole() // _PIECES, 1)))
            return size > 0
        finally:
            os.close(fd)

    def allocate(self, reserve_bytes: int) -> None:
        """What is missing of it, if twice as much stays free beside the reserve. Raises
        `OSError`."""
        whole = self._whole()
        missing = whole - self._size()
        if missing <= 0 or free_bytes(self._folder) < 3 * missing + reserve_bytes:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.posix_fallocate(fd, 0, whole)
        finally:
            os.close(fd)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _whole(self) -> int:
        stat = os.statvfs(self._folder)
        return min(LARGEST, stat.f_blocks * stat.f_frsize // _SHARE)
