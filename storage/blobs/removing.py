"""Removal of blobs that nothing names any more, unless they are being read."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress

from storage import failpoints
from storage.blobs.folder import BlobFolder


def unlink_unread(folder: BlobFolder, blobs: Sequence[str]) -> bool:
    """False when a reader holds the first blob; it is removed last, so that no reader begins."""
    lock = _lock(folder.blob(blobs[0]))
    if lock is False:
        return False
    try:
        failpoints.hit("gc_before_unlink")
        for blob in reversed(blobs):
            with suppress(FileNotFoundError):
                os.unlink(folder.blob(blob))
    finally:
        # Kept after a failure, it would look like a reader to the next run.
        if lock is not None:
            os.close(lock)
    return True


def _lock(path: str) -> int | bool | None:
    """The fd with the lock; None when the file is gone; False when it is being read."""
    # On NFS only a file that is open for writing can be locked alone (flock(2)).
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    return fd
