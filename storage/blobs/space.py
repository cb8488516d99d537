"""Space on the disk of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from storage.errors import OutOfSpace


def capacity_bytes(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_blocks * stat.f_frsize


def used_share(path: Path) -> float:
    """The share of a disk that is used, as `df` counts it."""
    stat = os.statvfs(path)
    used = stat.f_blocks - stat.f_bfree
    return used / max(used + stat.f_bavail, 1)


def require_room(path: Path, needed: int, reserve: int) -> None:
    """Raises `OutOfSpace`. statvfs reads memory, not the disk: it may run on the loop."""
    free = free_bytes(path)
    if free < needed + reserve:
        raise OutOfSpace(f"{path}: {free} bytes free, {needed} needed beside {reserve} in reserve")


def free_bytes(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize
