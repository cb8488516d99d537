"""Replacement of a file, whole or not at all.

The new content is written beside the old one and takes its place at the end. What was there decides
how:

* nothing, or a regular file: a new file is renamed over it, with the mode and the owner of the old;
* a file with other names (hard links), or one whose owner cannot be kept: the new content, once it
  is complete, is copied into it;
* a symbolic link: that holds for what it leads to, and the link stays;
* a device, a pipe, a socket: it is written into, and never replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

_STREAMS = ("/dev/", "/proc/")
_PERMISSIONS = 0o777


class Replacement:
    """A file in the making. All methods raise `OSError`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._target = file
        self._beside: Path | None = None
        self._is_copied = False

    def __enter__(self) -> IO[bytes]:
        """Return the file to write to."""
        try:
            there = os.stat(self._file)
        except FileNotFoundError:
            there = None
        if there is not None and self._is_stream(there):
            flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY
            self._opened: IO[bytes] = os.fdopen(os.open(self._file, flags), "wb")
            return self._opened
        self._target = Path(os.path.realpath(self._file))
        self._check(there)
        self._open_beside(there)
        return self._opened

    def commit(self) -> None:
        """Put the file in its place."""
        self._opened.close()
        if self._beside is None:
            return
        if self._is_copied:
            _copy_into(self._beside, self._target)
        else:
            os.replace(self._beside, self._target)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        with suppress(OSError):
            self._opened.close()
        if self._beside is not None:
            self._beside.unlink(missing_ok=True)

    def _is_stream(self, there: os.stat_result) -> bool:
        if stat.S_ISDIR(there.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self._file))
        # /dev/stdout may lead to a file that the shell has opened.
        return not stat.S_ISREG(there.st_mode) or str(self._file).startswith(_STREAMS)

    def _check(self, there: os.stat_result | None) -> None:
        """Raise where writing into the old file would: a rename needs no right to it."""
        if there is not None and not os.access(self._target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._file))

    def _open_beside(self, there: os.stat_result | None) -> None:
        beside = self._target.with_name(f".s3gw-{secrets.token_hex(8)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._opened = os.fdopen(os.open(beside, flags, 0o666), "wb")
        self._beside = beside
        if there is None:
            return
        self._is_copied = there.st_nlink > 1 or not self._owned_as(there)
        os.fchmod(self._opened.fileno(), there.st_mode & _PERMISSIONS)

    def _owned_as(self, there: os.stat_result) -> bool:
        """Give the new file the owner and the group of the old one; return whether it has them."""
        ours = os.fstat(self._opened.fileno())
        if (ours.st_uid, ours.st_gid) == (there.st_uid, there.st_gid):
            return True
        try:
            os.fchown(self._opened.fileno(), there.st_uid, there.st_gid)
        except OSError:
            return False
        return True


def _copy_into(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("r+b") as written:
        shutil.copyfileobj(read, written)
        written.truncate()
