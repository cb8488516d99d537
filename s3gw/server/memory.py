"""Memory settings of the process for blocks of a mebibyte."""

from __future__ import annotations

import ctypes
import gc
import sys

# malloc.h
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_KEEP = 32 << 20
_PAD = 1 << 20
# One arena for each core, not eight: each keeps what its threads have freed.
_ARENAS = 2
_YOUNG_OBJECTS = 20_000


def keep_freed_blocks() -> bool:
    """Keep freed blocks up to 32 MiB in the process; False where the C library is not glibc.

    By default glibc maps each block of 1 MiB afresh and unmaps it at once, so that every chunk of a
    body costs 256 page faults.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = (
        (_M_MMAP_THRESHOLD, _KEEP),
        (_M_TRIM_THRESHOLD, 4 * _KEEP),
        (_M_TOP_PAD, _PAD),
        (_M_ARENA_MAX, _ARENAS),
    )
    return all(mallopt(name, value) == 1 for name, value in settings)


def settle_garbage_collector() -> None:
    """Exclude the objects that exist now from garbage collection; call when the server is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
