"""Killed anywhere, a process leaves the old object or the new one, and what is in doubt of its
blobs is settled by the next process of its node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.store import Place
from storage.values import BucketOptions
from tests.cluster.store.cluster_stores import Keeper, cluster_store, named_blobs
from tests.storage import crash_child
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_failpoints import OLD

ROOT = Path(__file__).parents[3]
NAME, LARGE = crash_child.NAME, crash_child.LARGE
PARTS = b"".join(crash_child.PARTS)
# The operation, the failpoint, and whether the object is the new one.
CASES = [
    ("put_blob", "after_work_write", False),
    ("put_blob", "after_link", False),
    ("put_blob", "after_folder_fsync", False),
    ("put_blob", "after_work_unlink", True),
    ("put_chunks", "after_link:2", False),
    ("put_chunks", "after_folder_fsync:4", False),
    ("put_chunks", "after_work_unlink", True),
    ("rechunk", "after_folder_fsync:4", False),
    ("rechunk", "after_work_unlink:2", True),
    ("complete", "complete_after_sidecar", False),
    ("complete", "after_work_unlink", True),
]
AFTER = {"put_blob": LARGE, "put_chunks": LARGE, "rechunk": OLD, "complete": PARTS}


@pytest.mark.parametrize(("operation", "failpoint", "happened"), CASES)
def test_a_crash_leaves_the_old_object_or_the_new_one(
    place: Place, keeper: Keeper, operation: str, failpoint: str, happened: bool
) -> None:
    keeper.empty()
    with cluster_store(place) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, crash_child.BUCKET)
        bucket.put(NAME, OLD)
        if operation == "complete":
            bucket.upload_of(NAME, *crash_child.PARTS)
    assert not acknowledged(place, operation, failpoint)
    expected = AFTER[operation] if happened else OLD
    with cluster_store(place) as store:
        bucket = SyncBucket(store, crash_child.BUCKET)
        assert bucket.read(NAME) == expected
        assert keeper.sweep().doubtful == 0
        assert bucket.read(NAME) == expected
    assert blobs_in([place.folder]) == named_blobs(keeper)


def acknowledged(place: Place, operation: str, failpoint: str) -> bool:
    """Run the operation to the failpoint, where its process is killed."""
    arguments = [place.address, str(place.folder), place.node, operation]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.store.crash_child", *arguments],
        cwd=ROOT,
        env={**os.environ, "S3GW_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return "done" in done.stdout
