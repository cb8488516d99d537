"""Killed at any named place of any operation, the store keeps what it acknowledged, shows nothing
by halves, and is clean again after recovery and housekeeping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare
from storage.backends.local.fsck import check
from storage.errors import ObjectNotFound
from storage.failpoints import FAILPOINTS
from storage.values import BucketOptions
from tests.storage import crash_child
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store
from tests.storage.sync_bucket import OWNER, SyncBucket

ROOT = Path(__file__).parents[2]
OLD = pattern(900_000, seed=11)

AFTER = {
    "put_inline": crash_child.SMALL,
    "put_blob": crash_child.LARGE,
    "overwrite": crash_child.LARGE,
    "delete": None,
    "complete": b"".join(crash_child.PARTS),
}
BEFORE = {"put_inline": None, "put_blob": None, "overwrite": OLD, "delete": OLD, "complete": OLD}
# Renames between mountpaths: tests/storage/test_crossing_crashes.py.
CROSSING = tuple(point for point in FAILPOINTS if point.startswith("rename_"))
# Of whole buckets: tests/storage/test_bucket_crashes.py.
OF_BUCKETS = tuple(point for point in FAILPOINTS if point.startswith("bucket_"))
# Of adoption into a cluster: tests/cluster/adopting.
ADOPTING = tuple(point for point in FAILPOINTS if point.startswith("adopt_"))
# Those of a dsort are in tests/faults/test_sorting.py.
SORTING = tuple(point for point in FAILPOINTS if point.startswith("sort_"))
EARLY = (*FAILPOINTS[: FAILPOINTS.index("after_commit")], "complete_after_sidecar")
COMMITTING = ("before_commit", "inside_commit", "after_commit")
FILES = ("after_work_fsync", "after_link", "after_folder_fsync", "after_work_unlink")
COLLECTING = ("gc_before_unlink", "gc_after_unlink")
REACHED = {
    "put_inline": COMMITTING,
    "put_blob": ("after_work_write", *FILES, *COMMITTING),
    "overwrite": ("after_work_write", *FILES, *COMMITTING, *COLLECTING),
    "delete": (*COMMITTING, *COLLECTING),
    "complete": ("complete_after_sidecar", *FILES, *COMMITTING, *COLLECTING),
}
CASES = [(operation, point) for operation, points in REACHED.items() for point in points]


def test_every_failpoint_is_reached_by_some_operation() -> None:
    apart = {*CROSSING, *OF_BUCKETS, *ADOPTING, *SORTING}
    assert {point for _, point in CASES} == {*FAILPOINTS} - apart


@pytest.mark.parametrize(("operation", "failpoint"), CASES)
def test_a_crash_loses_nothing_and_leaves_nothing(
    tmp_path: Path, operation: str, failpoint: str
) -> None:
    _set_up(tmp_path, operation)
    with prepare([tmp_path]):
        acknowledged = crash(tmp_path, operation, failpoint)
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        content = _content(store)
        new = AFTER[operation]
        if acknowledged:
            assert content == new
        assert content == (BEFORE[operation] if failpoint in EARLY else new)
        _assert_clean(tmp_path, store)
        assert _content(store) == content
    assert check([tmp_path]).clean


def _set_up(folder: Path, operation: str) -> None:
    with local_store([folder], FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, crash_child.BUCKET)
        if BEFORE[operation] is not None:
            bucket.put(crash_child.NAME, OLD)
        if operation == "complete":
            bucket.upload_of(crash_child.NAME, *crash_child.PARTS, b"a part that is not chosen")


def crash(folder: Path, operation: str, failpoint: str) -> bool:
    """Whether the child acknowledged before it died."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.storage.crash_child", str(folder), operation],
        env=os.environ | {"S3GW_FAILPOINT": failpoint},
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    return child.stdout == b"done\n"


def _content(store: LocalStore) -> bytes | None:
    try:
        return SyncBucket(store, crash_child.BUCKET).read(crash_child.NAME)
    except ObjectNotFound:
        return None


def _assert_clean(folder: Path, store: LocalStore) -> None:
    """No work file and no blob but those that rows name."""
    maintainer = Maintainer([folder])
    collect(maintainer)
    maintainer.close()
    assert not [file for file in (folder / "work").rglob("*") if file.is_file()]
    content, uploads = _content(store), SyncBucket(store, crash_child.BUCKET).uploads().uploads
    named = {None: 0, crash_child.SMALL: 0, OLD: 1, crash_child.LARGE: 1}
    unfinished = 3 if uploads else 0
    assert len(blobs_in([folder])) == named.get(content, 3) + unfinished
