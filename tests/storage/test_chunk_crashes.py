"""Killed while it writes an object in chunks or cuts one anew, the store has the old one or the new
one, whole, and nothing else is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare, recover_slot
from storage.backends.local.fsck import check
from storage.values import BucketOptions
from tests.storage import crash_child
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_failpoints import OLD, crash

NAME, LARGE = crash_child.NAME, crash_child.LARGE
# Three chunks and the sidecar.
COUNT = 4
# The work files of all are there until the commit, and go afterwards.
EARLY = (
    "after_work_write",
    *(f"{point}:{n}" for n in (1, 2, COUNT) for point in ("after_work_fsync", "after_link")),
    *(f"after_folder_fsync:{n}" for n in range(1, COUNT + 1)),
    "before_commit",
    "inside_commit",
)
LATE = (
    "after_commit",
    *(f"after_work_unlink:{n}" for n in range(1, COUNT + 1)),
    "gc_before_unlink",
    "gc_after_unlink",
)
OPERATIONS = {"put_chunks": LARGE, "put_unannounced": LARGE, "rechunk": OLD}


@pytest.mark.parametrize("failpoint", [*EARLY, *LATE])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_crash_leaves_the_old_object_or_the_new_one(
    tmp_path: Path, operation: str, failpoint: str
) -> None:
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        SyncBucket(store, crash_child.BUCKET).put(NAME, OLD)
    with prepare([tmp_path]):
        acknowledged = crash(tmp_path, operation, failpoint)
    early = failpoint in EARLY
    assert not (early and acknowledged)
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        bucket = SyncBucket(store, crash_child.BUCKET)
        assert bucket.read(NAME) == (OLD if early else OPERATIONS[operation])
        assert bool(bucket.info(NAME).chunks) is not early
        maintainer = Maintainer([tmp_path])
        collect(maintainer)
        maintainer.close()
        assert len(blobs_in([tmp_path])) == (1 if early else COUNT)
        assert bucket.read(NAME) == (OLD if early else OPERATIONS[operation])
    assert check([tmp_path]).clean


def _rename(store: LocalStore, bucket: SyncBucket) -> None:
    bucket.rename(NAME, "second")
    bucket.put(NAME, b"another")


def _rename_and_cut(store: LocalStore, bucket: SyncBucket) -> None:
    bucket.rename(NAME, "second")
    bucket.rechunk("second", 1, 100_000)


def _cut(store: LocalStore, bucket: SyncBucket) -> None:
    bucket.rechunk(NAME, 1, 100_000)
    bucket.rename(NAME, "second")


@pytest.mark.parametrize("change", [_rename, _rename_and_cut, _cut])
def test_work_files_left_behind_cost_no_object_its_chunks(
    tmp_path: Path, change: Callable[[LocalStore, SyncBucket], None]
) -> None:
    """A worker died between its commit and its tidying up, and others went on."""
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, crash_child.BUCKET)
        run(crash_child.put_chunks(store))
        change(store, bucket)
        dead = tmp_path / "work" / "dead"
        dead.mkdir()
        for blob in (file for file in (tmp_path / "blobs").rglob("*") if file.is_file()):
            os.link(blob, dead / blob.name)
        recover_slot([tmp_path], "dead")
        assert not list(dead.iterdir())
        assert bucket.read("second") == LARGE
        maintainer = Maintainer([tmp_path])
        collect(maintainer)
        maintainer.close()
        assert bucket.read("second") == LARGE
    assert check([tmp_path]).clean
