"""Locks that the children of a killed server still hold for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from storage.startup_errors import MountpathError

_ORPHANS_S = 1.0

T = TypeVar("T")


def outliving_orphans(lock: Callable[[], T]) -> T:
    """Return what `lock` returns, which raises `MountpathError` from a `BlockingIOError` where
    another process has the lock; for a second it is tried again."""
    deadline = time.monotonic() + _ORPHANS_S
    while True:
        try:
            return lock()
        except MountpathError as error:
            if not isinstance(error.__cause__, BlockingIOError) or time.monotonic() > deadline:
                raise
        time.sleep(_ORPHANS_S / 20)
