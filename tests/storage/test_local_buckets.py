"""Buckets that a crash left half made or half removed on several mountpaths are mended at start."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest

from storage.backends.local import LocalStore, StoreOptions, prepare, recover_slot
from storage.backends.local.bucket_copies import MarkBucket
from storage.backends.local.index import connect
from storage.backends.local.transaction import Mutation, in_transaction
from storage.errors import BucketNotEmpty, BucketNotFound
from storage.index.bucket_mutations import CreateBucket, RemoveBucket, UpdateBucket
from storage.index.versions import Bucket
from storage.values import NULL_VERSION, BucketInfo, BucketOptions, Versioning
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

# As the first that is made.
FIRST = Bucket(1, BucketInfo("bucket", OWNER, 0))
NAMES = [f"name-{number}" for number in range(16)]


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = mountpaths_in(tmp_path, 3)
    prepare(paths).close()
    return paths


def change(path: Path, mutation: Mutation[object]) -> None:
    """What a process that died later had done in one mountpath."""
    with closing(connect(path / "index.db")) as connection:
        in_transaction(connection, mutation)


def make(paths: list[Path], clock: FakeClock, *names: str) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        SyncBucket(store, "bucket").put_all(*names)


def test_a_bucket_made_in_the_first_alone_is_made_everywhere(
    paths: list[Path], clock: FakeClock
) -> None:
    change(paths[0], CreateBucket(BucketInfo("bucket", OWNER, 1)))
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        bucket.put_all(*NAMES)
        assert bucket.names() == sorted(NAMES)


def test_an_empty_bucket_that_was_being_removed_goes(paths: list[Path], clock: FakeClock) -> None:
    make(paths, clock)
    for path in paths:
        change(path, MarkBucket(FIRST))
    change(paths[2], RemoveBucket(FIRST.key))
    with local_store(paths, clock, StoreOptions()) as store:
        with pytest.raises(BucketNotFound):
            run(store.head_bucket("bucket"))
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        SyncBucket(store, "bucket").put_all(*NAMES)


def test_a_living_server_mends_what_a_dead_worker_left(paths: list[Path], clock: FakeClock) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        change(paths[0], CreateBucket(BucketInfo("bucket", OWNER, 1)))
        recover_slot(paths, "dead")
        SyncBucket(store, "bucket").put_all(*NAMES)


def test_a_marked_bucket_that_holds_an_object_elsewhere_is_kept(
    paths: list[Path], clock: FakeClock
) -> None:
    make(paths, clock, "one")
    for path in paths:
        with suppress(BucketNotEmpty):
            change(path, MarkBucket(FIRST))
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        bucket.put_all(*NAMES)
        assert bucket.names() == sorted([*NAMES, "one"])


def test_a_change_that_reached_the_first_alone_reaches_all(
    paths: list[Path], clock: FakeClock
) -> None:
    make(paths, clock)

    def enable(old: BucketInfo) -> BucketInfo:
        return msgspec.structs.replace(old, versioning=Versioning.ENABLED)

    change(paths[0], UpdateBucket("bucket", enable))
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        for name in NAMES:
            assert bucket.put(name).version != NULL_VERSION


def test_a_marked_bucket_that_holds_a_delete_marker_elsewhere_is_kept(
    paths: list[Path], clock: FakeClock
) -> None:
    make(paths, clock)
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        bucket.set_versioning(Versioning.ENABLED)
        bucket.remove("one")
    for path in paths:
        with suppress(BucketNotEmpty):
            change(path, MarkBucket(FIRST))
    with local_store(paths, clock, StoreOptions()) as store:
        assert len(SyncBucket(store, "bucket").history("one")) == 1


def test_a_bucket_that_was_missing_is_found_once_another_process_has_made_it(
    paths: list[Path], clock: FakeClock
) -> None:
    """As another process would be, the second store has a slot and a lookup of its own."""
    with local_store(paths, clock, StoreOptions()) as store:
        for _ in range(2):
            with pytest.raises(BucketNotFound):
                run(store.head_bucket("bucket"))
        with closing(LocalStore.open(paths, slot="1", clock=clock)) as other:
            run(other.create_bucket("bucket", BucketOptions(OWNER)))
            assert run(store.head_bucket("bucket")).owner == OWNER
            run(other.delete_bucket("bucket"))
            with pytest.raises(BucketNotFound):
                run(store.head_bucket("bucket"))
