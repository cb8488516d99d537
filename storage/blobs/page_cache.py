"""Reads without waiting: files in the kernel's page cache.

A thread that reads what is in the page cache costs more than the reading: two switches, and the
interpreter's lock handed to and fro. So the loop reads it, with system calls that fail where they
would wait for the disk: `preadv2` with RWF_NOWAIT, and `openat2` with RESOLVE_CACHED. Whatever they
fail for, `NotCached` is all that comes of it: a thread then does the same by calls that may wait,
and reports what is wrong.

https://man7.org/linux/man-pages/man2/preadv2.2.html
https://man7.org/linux/man-pages/man2/openat2.2.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Protocol

# What the loop reads in one step; hashing it takes as long again, a fifth of a millisecond in all.
STEP_BYTES = 1 << 20

# The same number on all platforms but Alpha.
_OPENAT2 = 437
_AT_FDCWD = -100
_RESOLVE_CACHED = 0x20


class NotCached(Exception):
    """Only a thread can read this: the disk is needed, or the kernel cannot tell."""


class Files(Protocol):
    def open(self, path: str) -> int:
        """Return a descriptor for reading."""
        ...

    def read(self, fd: int, length: int, start: int) -> bytes:
        """Return so many bytes; fewer at the end of the file."""
        ...


class WaitingFiles:
    """For threads. Raises `OSError`."""

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, fd: int, length: int, start: int) -> bytes:
        return os.pread(fd, length, start)


WAITING = WaitingFiles()


class CachedFiles:
    """For the event loop, and one file system. Raises `NotCached` alone. What the kernel or the
    file system turns out not to have is not tried a second time."""

    def __init__(self) -> None:
        self._openat2 = _openat2()
        self._no_wait = getattr(os, "RWF_NOWAIT", 0)

    def open(self, path: str) -> int:
        if self._openat2 is None:
            raise NotCached
        fd = self._openat2(path)
        if fd >= 0:
            return fd
        if -fd in (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP):
            self._openat2 = None
        raise NotCached

    def read(self, fd: int, length: int, start: int) -> bytes:
        if not self._no_wait or length > STEP_BYTES:
            raise NotCached
        # Its value is the very object that was read into: no copy.
        found = BytesIO(bytes(length))
        try:
            with found.getbuffer() as into:
                if os.preadv(fd, (into,), start, self._no_wait) != length:
                    raise NotCached
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                self._no_wait = 0
            raise NotCached from None
        return found.getvalue()


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def _openat2() -> Callable[[str], int] | None:
    """Return a function that opens a file if that needs no disk; it returns a descriptor, or an
    error's number below 0. None where there is no such call."""
    if not sys.platform.startswith("linux"):
        return None
    call = ctypes.CDLL(None, use_errno=True).syscall
    how = _OpenHow(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
    size = ctypes.sizeof(how)

    def openat2(path: str) -> int:
        fd: int = call(_OPENAT2, _AT_FDCWD, os.fsencode(path), ctypes.byref(how), size)
        return fd if fd >= 0 else -ctypes.get_errno()

    return openat2
