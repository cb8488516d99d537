"""Killed at any step of renaming or discarding a bucket, the bucket has one of its names, or none
as it was asked: for those who go on beside the dead, after recovery, and after a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare, recover_slot
from storage.backends.local.fsck import check, rebuild
from storage.errors import BucketNotFound
from storage.values import BucketOptions
from tests.storage import crash_child
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_failpoints import OF_BUCKETS, crash

OLD, NEW = crash_child.BUCKET, crash_child.RENAMED
RENAMING = ("bucket_rename_after_names", "bucket_rename_after_first", "bucket_rename_after_others")
DISCARDING = (
    "bucket_discard_after_first",
    "bucket_discard_after_others",
    "bucket_trash_after_bite",
    "bucket_trash_after_others",
)
UNDONE = "bucket_rename_after_names"
assert {*RENAMING, *DISCARDING} == {*OF_BUCKETS}
CONTENTS = {f"name-{number}": pattern(40_000 + number, seed=number) for number in range(16)}
CONTENTS |= {f"small-{number}": pattern(10 + number) for number in range(8)}


@pytest.fixture(params=[1, 3], ids=["one-mountpath", "three"])
def paths(tmp_path: Path, request: pytest.FixtureRequest) -> list[Path]:
    paths = mountpaths_in(tmp_path, request.param)
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        bucket = SyncBucket(store, OLD)
        for name, content in CONTENTS.items():
            bucket.put(name, content)
        bucket.rechunk("name-1", 1, 16_000)
    return paths


@contextmanager
def beside_the_dead(paths: list[Path], operation: str, failpoint: str) -> Iterator[LocalStore]:
    """A store that was there all the time, and has met the bucket: nobody has recovered."""
    with prepare(paths):
        store = LocalStore.open(paths, slot="0", clock=FakeClock())
        assert SyncBucket(store, OLD).read("name-0") == CONTENTS["name-0"]
        crash(paths[0].parent, operation, failpoint)
        try:
            yield store
        finally:
            store.close()


def names_of(store: LocalStore) -> list[str]:
    return [info.name for info in run(store.list_buckets())]


def assert_whole(store: LocalStore, name: str) -> None:
    bucket = SyncBucket(store, name)
    assert {each: bucket.read(each) for each in bucket.names()} == CONTENTS


def assert_none(store: LocalStore, name: str) -> None:
    with pytest.raises(BucketNotFound):
        SyncBucket(store, name).read("name-0")
    with pytest.raises(BucketNotFound):
        SyncBucket(store, name).put("name-0", b"x")


def name_after(failpoint: str) -> str:
    return OLD if failpoint == UNDONE else NEW


@pytest.mark.parametrize("failpoint", RENAMING)
def test_recovery_finds_the_bucket_under_one_name(paths: list[Path], failpoint: str) -> None:
    with prepare(paths):
        crash(paths[0].parent, "rename_bucket", failpoint)
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        assert names_of(store) == [name_after(failpoint)]
        assert_whole(store, name_after(failpoint))
        SyncBucket(store, name_after(failpoint)).put("name-0", CONTENTS["name-0"])
    assert check(paths).clean


@pytest.mark.parametrize("failpoint", RENAMING)
def test_those_who_go_on_find_it_under_one_name(paths: list[Path], failpoint: str) -> None:
    with beside_the_dead(paths, "rename_bucket", failpoint) as store:
        name = name_after(failpoint)
        assert names_of(store) == [name]
        assert_whole(store, name)
        assert_none(store, OLD if name == NEW else NEW)
        for each, content in CONTENTS.items():
            SyncBucket(store, name).put(each, content)
        recover_slot(paths, "crash")
        assert_whole(store, name)
    assert check(paths).clean


def test_the_old_name_can_be_used_before_anybody_recovers(paths: list[Path]) -> None:
    with beside_the_dead(paths, "rename_bucket", "bucket_rename_after_first") as store:
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        SyncBucket(store, OLD).put("name-0", b"another")
        assert_whole(store, NEW)
        recover_slot(paths, "crash")
        assert_whole(store, NEW)
        assert SyncBucket(store, OLD).read("name-0") == b"another"
    assert check(paths).clean


@pytest.mark.parametrize("failpoint", RENAMING)
def test_a_lost_index_leaves_it_one_name(paths: list[Path], failpoint: str) -> None:
    with prepare(paths):
        crash(paths[0].parent, "rename_bucket", failpoint)
    for path in paths:
        for file in path.glob("index.db*"):
            file.unlink()
    rebuild(paths)
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        (name,) = names_of(store)
        # Nobody was told of a rename that was cut short: either will do.
        assert name in ((OLD, NEW) if failpoint == UNDONE else (NEW,))
        bucket = SyncBucket(store, name)
        large = [each for each in CONTENTS if each.startswith("name")]
        assert all(bucket.read(each) == CONTENTS[each] for each in large)


@pytest.mark.parametrize("failpoint", DISCARDING)
def test_what_was_discarded_stays_gone_and_leaves_nothing(
    paths: list[Path], failpoint: str
) -> None:
    if failpoint == "bucket_trash_after_others" and len(paths) == 1:
        pytest.skip("there are no others")
    with beside_the_dead(paths, "discard_bucket", failpoint) as store:
        assert names_of(store) == []
        assert_none(store, OLD)
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        SyncBucket(store, OLD).put("name-0", b"another")
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        maintainer = Maintainer(paths)
        collect(maintainer)
        maintainer.close()
        assert SyncBucket(store, OLD).read("name-0") == b"another"
        assert run(store.usage()).objects == 1
        assert blobs_in(paths) == set()
    assert check(paths).clean


@pytest.mark.parametrize("indexes", ["lost", "there"])
def test_a_rebuild_does_not_bring_back_what_was_discarded(paths: list[Path], indexes: str) -> None:
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        run(store.discard_bucket(OLD))
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        SyncBucket(store, OLD).put("other", CONTENTS["name-3"])
    if indexes == "lost":
        for file in (file for path in paths for file in path.glob("index.db*")):
            file.unlink()
    assert rebuild(paths).incomplete == ()
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        assert names_of(store) == [OLD]
        assert SyncBucket(store, OLD).names() == ["other"]
        maintainer = Maintainer(paths)
        collect(maintainer)
        maintainer.close()
        assert len(blobs_in(paths)) == 1
    assert check(paths).clean


def test_a_rebuild_keeps_names_and_the_revision(paths: list[Path]) -> None:
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        run(store.rename_bucket(OLD, NEW))
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        SyncBucket(store, OLD).put("other", CONTENTS["name-3"])
        before, revision = run(store.list_buckets()), run(store.buckets_revision())
    rebuild(paths)
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        assert run(store.list_buckets()) == before
        assert run(store.buckets_revision()) >= revision
        assert_whole(store, NEW)
        assert SyncBucket(store, OLD).names() == ["other"]


def test_all_processes_hear_of_a_rename(paths: list[Path]) -> None:
    with local_store(paths, FakeClock(), StoreOptions()) as store:
        other = LocalStore.open(paths, slot="1", clock=FakeClock())
        assert SyncBucket(other, OLD).read("name-0") == CONTENTS["name-0"]
        run(store.rename_bucket(OLD, NEW))
        assert_none(other, OLD)
        assert_whole(other, NEW)
        run(store.create_bucket(OLD, BucketOptions(OWNER)))
        for name in CONTENTS:
            SyncBucket(other, OLD).put(name, b"x")
        assert SyncBucket(store, OLD).names() == sorted(CONTENTS)
        assert_whole(store, NEW)
        other.close()
