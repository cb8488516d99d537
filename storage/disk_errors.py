"""Errors of the file system as errors of storage."""

from __future__ import annotations

import errno

from storage.errors import DeviceFailed, OutOfSpace, StorageError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_error(error: OSError) -> StorageError:
    """Return the error of storage that it means."""
    return (OutOfSpace if error.errno in NO_ROOM else DeviceFailed)(str(error))
