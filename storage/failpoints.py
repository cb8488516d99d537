"""Failpoints: named places where a test can kill the process.

They show what a crash leaves on disk.

`S3GW_FAILPOINT=after_link:3` kills at the third hit of `after_link`. Without that variable a hit
costs one comparison. SIGKILL, not an exception: no clean-up of ours may run.
"""

from __future__ import annotations

import os
import signal

FAILPOINTS = (
    "after_work_write",
    "after_work_fsync",
    "after_link",
    "after_folder_fsync",
    "before_commit",
    "inside_commit",
    "after_commit",
    "after_work_unlink",
    "complete_after_sidecar",
    "gc_before_unlink",
    "gc_after_unlink",
    "rename_after_leaving",
    "rename_after_arriving",
    "rename_inside_settling",
    "rename_after_settling",
    "bucket_rename_after_names",
    "bucket_rename_after_first",
    "bucket_rename_after_others",
    "bucket_discard_after_first",
    "bucket_discard_after_others",
    "bucket_trash_after_bite",
    "bucket_trash_after_others",
    "adopt_after_folder",
    "adopt_inside_rows",
    "adopt_after_rows",
    "adopt_after_blobs",
    "adopt_after_keys",
    "adopt_inside_publishing",
    "adopt_after_publishing",
    "adopt_after_removing_blobs",
    "sort_inside_extraction",
    "sort_after_plan",
    "sort_inside_creation",
)


def _armed(setting: str) -> tuple[str, int]:
    name, _, count = setting.partition(":")
    if name and name not in FAILPOINTS:
        raise ValueError(f"S3GW_FAILPOINT names {name!r}, which is none of {', '.join(FAILPOINTS)}")
    return name, int(count or 1)


_name, _remaining = _armed(os.environ.get("S3GW_FAILPOINT", ""))


def hit(name: str) -> None:
    if name == _name:
        _count_down()


def _count_down() -> None:
    global _remaining
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
