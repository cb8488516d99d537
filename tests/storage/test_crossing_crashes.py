"""Killed at any step of a rename between mountpaths, the object has its old name or its new one:
for those who go on beside the dead, and after recovery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, StoreOptions, prepare, recover_slot
from storage.backends.local.fsck import check, rebuild
from storage.errors import (
    BucketNotEmpty,
    DeleteMarkerFound,
    ObjectNotFound,
    StorageError,
    VersionNotFound,
)
from storage.values import (
    NULL_VERSION,
    Attributes,
    BucketOptions,
    DeleteRequest,
    RenameOptions,
    Versioning,
)
from tests.storage import crash_child
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_failpoints import CROSSING, crash
from tests.storage.two_mountpaths import folders_that_part, rows_of

NEVER, ENABLED, SUSPENDED = Versioning
NAME, SOURCE = crash_child.NAME, crash_child.SOURCE
OLD = pattern(100_000, seed=11)
MOVED = pattern(800_000, seed=13)
UNDONE = "rename_after_leaving"
HALF_DONE = "rename_after_arriving"

# Contents by name, newest first, None for a delete marker.
State = dict[str, list[bytes | None]]
BEFORE: dict[Versioning, State] = {
    NEVER: {NAME: [OLD], SOURCE: [MOVED]},
    ENABLED: {NAME: [OLD], SOURCE: [MOVED, b"under"]},
    SUSPENDED: {NAME: [OLD], SOURCE: [MOVED, b"under"]},
}
AFTER: dict[Versioning, State] = {
    NEVER: {NAME: [MOVED], SOURCE: []},
    ENABLED: {NAME: [MOVED, OLD], SOURCE: [None, b"under"]},
    SUSPENDED: {NAME: [MOVED], SOURCE: [None]},
}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return folders_that_part(tmp_path, NAME, SOURCE)


def set_up(paths: list[Path], versioning: Versioning, moved: bytes = MOVED) -> None:
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(crash_child.BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, crash_child.BUCKET)
        bucket.put(NAME, OLD)
        if versioning is not NEVER:
            bucket.put(SOURCE, b"under")
            bucket.set_versioning(ENABLED)
        bucket.put(SOURCE, moved)
        bucket.set_versioning(versioning)


@contextmanager
def beside_the_dead(paths: list[Path], failpoint: str) -> Iterator[SyncBucket]:
    """A store that was there all the time: nobody has recovered anything."""
    with prepare(paths):
        store = LocalStore.open(paths, slot="0", clock=FakeClock())
        assert crash(paths[0].parent, "rename", failpoint) is False
        try:
            yield SyncBucket(store, crash_child.BUCKET)
        finally:
            store.close()


def state_of(bucket: SyncBucket) -> State:
    state: State = {NAME: [], SOURCE: []}
    for entry in bucket.versions().versions:
        info = entry.info
        content = None if info.delete_marker else bucket.read_version(info.name, info.version)
        state[info.name].append(content)
    return state


def read_of(bucket: SyncBucket) -> State:
    """Without a listing, which would settle what is half done."""
    state: State = {}
    for name in (NAME, SOURCE):
        try:
            state[name] = [bucket.read(name)]
        except ObjectNotFound:
            state[name] = []
    return state


@pytest.mark.parametrize("versioning", Versioning)
@pytest.mark.parametrize("failpoint", CROSSING)
def test_recovery_finds_all_versions_as_before_or_as_after(
    paths: list[Path], failpoint: str, versioning: Versioning
) -> None:
    set_up(paths, versioning)
    with prepare(paths):
        crash(paths[0].parent, "rename", failpoint)
    expected = (BEFORE if failpoint == UNDONE else AFTER)[versioning]
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        assert rows_of(paths, "SELECT * FROM leaving") == []
        assert state_of(SyncBucket(store, crash_child.BUCKET)) == expected
    assert check(paths).clean


@pytest.mark.parametrize("moved", [b"", b"small", MOVED], ids=["empty", "inline", "blob"])
@pytest.mark.parametrize("failpoint", CROSSING)
def test_those_who_go_on_read_it_under_one_name(
    paths: list[Path], failpoint: str, moved: bytes
) -> None:
    set_up(paths, NEVER, moved)
    with beside_the_dead(paths, failpoint) as bucket:
        one_name: State = {NAME: [moved], SOURCE: []}
        expected = {NAME: [OLD], SOURCE: [moved]} if failpoint == UNDONE else one_name
        assert read_of(bucket) == expected
        assert state_of(bucket) == expected
        assert read_of(bucket) == expected
        objects = 2 if failpoint == UNDONE else 1
        assert run(bucket.backend.usage()).objects == objects
    assert check(paths).clean


@pytest.mark.parametrize("versioning", [ENABLED, SUSPENDED])
def test_those_who_go_on_read_its_versions_as_they_will_be(
    paths: list[Path], versioning: Versioning
) -> None:
    set_up(paths, versioning)
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        moved = SyncBucket(store, crash_child.BUCKET).info(SOURCE).version
    with beside_the_dead(paths, HALF_DONE) as bucket:
        found: dict[str, bytes | type[StorageError]] = {}
        for version in (moved, NULL_VERSION):
            try:
                found[version] = bucket.read_version(SOURCE, version)
            except StorageError as error:
                found[version] = type(error)
        assert found[moved] is VersionNotFound
        assert found[NULL_VERSION] == (b"under" if versioning is ENABLED else DeleteMarkerFound)
        assert rows_of(paths, "SELECT * FROM leaving")


def put(bucket: SyncBucket) -> None:
    bucket.put(SOURCE, OLD)


def put_parts(bucket: SyncBucket) -> None:
    bucket.put_in_parts(SOURCE, OLD)


def delete_many(bucket: SyncBucket) -> None:
    bucket.put("another", b"x")
    bucket.delete_many(DeleteRequest("another"), DeleteRequest(SOURCE), DeleteRequest("another"))
    bucket.put(SOURCE, OLD)


def touch(bucket: SyncBucket) -> None:
    try:
        bucket.update(SOURCE, lambda _: Attributes(tags={"k": "v"}))
    except ObjectNotFound:
        bucket.put(SOURCE, b"gone")
    bucket.put(SOURCE, OLD)


def rename_upon(bucket: SyncBucket) -> None:
    bucket.put("third", OLD)
    bucket.rename("third", SOURCE)


@pytest.mark.parametrize("failpoint", [UNDONE, HALF_DONE])
@pytest.mark.parametrize("write", [put, put_parts, delete_many, touch, rename_upon])
def test_those_who_go_on_can_write_both_names(
    paths: list[Path], failpoint: str, write: Callable[[SyncBucket], None]
) -> None:
    set_up(paths, NEVER)
    with beside_the_dead(paths, failpoint) as bucket:
        write(bucket)
        there = OLD if failpoint == UNDONE else MOVED
        assert read_of(bucket) == {NAME: [there], SOURCE: [OLD]}
        bucket.rename(SOURCE, NAME)
        assert read_of(bucket) == {NAME: [OLD], SOURCE: []}
    assert check(paths).clean


def test_a_rename_that_was_cut_short_can_be_repeated(paths: list[Path]) -> None:
    set_up(paths, NEVER)
    with beside_the_dead(paths, UNDONE) as bucket:
        bucket.rename(SOURCE, NAME, RenameOptions(token="again"))
        assert read_of(bucket) == {NAME: [MOVED], SOURCE: []}


def test_a_bucket_is_empty_when_its_last_object_only_seems_to_be_there(paths: list[Path]) -> None:
    set_up(paths, NEVER)
    with beside_the_dead(paths, HALF_DONE) as bucket:
        with pytest.raises(BucketNotEmpty):
            run(bucket.backend.delete_bucket(bucket.bucket))
        bucket.remove(NAME)
        run(bucket.backend.delete_bucket(bucket.bucket))


def test_a_bucket_s_versioning_may_change_before_recovery(paths: list[Path]) -> None:
    """What stays behind was decided when the object left."""
    set_up(paths, NEVER)
    with beside_the_dead(paths, HALF_DONE) as bucket:
        bucket.set_versioning(ENABLED)
        assert state_of(bucket) == {NAME: [MOVED], SOURCE: []}


@pytest.mark.parametrize("failpoint", CROSSING)
def test_what_a_dead_worker_left_is_settled_before_it_is_replaced(
    paths: list[Path], failpoint: str
) -> None:
    set_up(paths, ENABLED)
    with beside_the_dead(paths, failpoint) as bucket:
        recover_slot(paths, "crash")
        assert rows_of(paths, "SELECT * FROM leaving") == []
        expected = (BEFORE if failpoint == UNDONE else AFTER)[ENABLED]
        assert state_of(bucket) == expected


@pytest.mark.parametrize("failpoint", CROSSING)
def test_rebuilding_at_once_finds_it_under_one_name(paths: list[Path], failpoint: str) -> None:
    set_up(paths, NEVER)
    with prepare(paths):
        crash(paths[0].parent, "rename", failpoint)
    rebuild(paths)
    assert check(paths).damaged == ()
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        expected = (BEFORE if failpoint == UNDONE else AFTER)[NEVER]
        assert state_of(SyncBucket(store, crash_child.BUCKET)) == expected
