"""Early writeback by the kernel."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

# Bytes between two requests: enough for the disk to work on, little enough to be early.
INTERVAL = 8 << 20
# fcntl.h: start write-out of dirty pages that are not under write-out yet; do not wait.
_SYNC_FILE_RANGE_WRITE = 2


def begin_writeback(fd: int, start: int, length: int) -> None:
    """A hint: durability comes from fsync alone, so nothing is checked."""
    call = _sync_file_range()
    if call is not None:
        call(fd, start, length, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Any:
    """None where the system call is missing."""
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
