"""Killed while it writes a version or renames, the store has the names as before or as after, and
recovery knows the blob of a renamed object, whose label has another name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, StoreOptions, prepare, recover_slot
from storage.backends.local.fsck import check
from storage.values import BucketOptions, Versioning
from tests.storage import crash_child
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_failpoints import COLLECTING, COMMITTING, EARLY, FILES, OLD, crash

NEVER, ENABLED, SUSPENDED = Versioning
NAME, SOURCE, LARGE = crash_child.NAME, crash_child.SOURCE, crash_child.LARGE
MOVED = pattern(800_000, seed=13)

# Contents by name, newest first, None for a delete marker: before and after.
State = dict[str, list[bytes | None]]
BEFORE: State = {NAME: [OLD], SOURCE: [MOVED]}
AFTER: dict[tuple[str, Versioning], State] = {
    ("put_blob", ENABLED): {NAME: [LARGE, OLD], SOURCE: [MOVED]},
    ("put_blob", SUSPENDED): {NAME: [LARGE], SOURCE: [MOVED]},
    ("delete", ENABLED): {NAME: [None, OLD], SOURCE: [MOVED]},
    ("rename", NEVER): {NAME: [MOVED], SOURCE: []},
    ("rename", ENABLED): {NAME: [MOVED, OLD], SOURCE: [None]},
    ("rename", SUSPENDED): {NAME: [MOVED], SOURCE: [None]},
}
REACHED = {
    ("put_blob", ENABLED): (*FILES, *COMMITTING),
    ("put_blob", SUSPENDED): (*COMMITTING, *COLLECTING),
    ("delete", ENABLED): COMMITTING,
    ("rename", NEVER): (*COMMITTING, *COLLECTING),
    ("rename", ENABLED): COMMITTING,
    ("rename", SUSPENDED): COLLECTING,
}
CASES = [(*case, point) for case, points in REACHED.items() for point in points]


@pytest.mark.parametrize(("operation", "versioning", "failpoint"), CASES)
def test_a_crash_leaves_all_versions_as_before_or_as_after(
    tmp_path: Path, operation: str, versioning: Versioning, failpoint: str
) -> None:
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, crash_child.BUCKET)
        bucket.put(NAME, OLD)
        bucket.put(SOURCE, MOVED)
        bucket.set_versioning(versioning)
    with prepare([tmp_path]):
        acknowledged = crash(tmp_path, operation, failpoint)
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        early = failpoint in EARLY
        assert not (early and acknowledged)
        assert _state(store) == (BEFORE if early else AFTER[operation, versioning])
    assert check([tmp_path]).clean


def _state(store: LocalStore) -> State:
    bucket = SyncBucket(store, crash_child.BUCKET)
    state: State = {NAME: [], SOURCE: []}
    for entry in bucket.versions().versions:
        info = entry.info
        content = None if info.delete_marker else bucket.read_version(info.name, info.version)
        state[info.name].append(content)
    return state


@pytest.mark.parametrize("versioning", [NEVER, ENABLED])
@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("older", [False, True])
def test_a_work_file_left_behind_costs_a_renamed_object_nothing(
    tmp_path: Path, versioning: Versioning, in_parts: bool, older: bool
) -> None:
    """A worker died between its commit and its tidying up, and others went on."""
    with local_store([tmp_path], FakeClock(), StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        bucket.set_versioning(versioning)
        if in_parts:
            bucket.put_in_parts("first", MOVED, OLD)
        else:
            bucket.put("first", MOVED)
        moved = bucket.rename("first", "second")
        moved = bucket.rename("second", "third")
        if older and versioning is ENABLED:
            bucket.put("third", b"on top")
        bucket.put("first", OLD)
        dead = tmp_path / "work" / "dead"
        dead.mkdir()
        for blob in (file for file in (tmp_path / "blobs").rglob("*") if file.is_file()):
            os.link(blob, dead / blob.name)
        recover_slot([tmp_path], "dead")
        assert not list(dead.iterdir())
        content = MOVED + OLD if in_parts else MOVED
        assert bucket.read_version("third", moved.version) == content
        assert bucket.read("first") == OLD
    report = check([tmp_path])
    assert report.clean
