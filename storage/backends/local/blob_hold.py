"""Hold on blobs: none is removed while a backup may need it.

A backup shares the lock of `blobs.lock` in the first mountpath from before its moment to the end of
its copies. Who removes blobs needs that lock alone, for as long as it takes from reading what may
be removed to removing it, and leaves them for later if it cannot have it. The lock of a backup that
was killed ends with it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from storage.backends.local.mountpath import Mountpath


@contextmanager
def blobs_held(first: Mountpath) -> Iterator[None]:
    """Wait for a removal that is under way, and exclude others."""
    fd = _open(first)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


@contextmanager
def removing_blobs(first: Mountpath) -> Iterator[bool]:
    """Whether blobs may be removed meanwhile. Raises `OSError`."""
    fd = _open(first)
    try:
        yield _is_alone(fd)
    finally:
        os.close(fd)


def _open(first: Mountpath) -> int:
    return os.open(first.blobs_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_alone(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
