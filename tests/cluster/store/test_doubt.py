"""A blob in doubt is removed only when no transaction can name it any more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.bytes.doubt import settle_doubt
from cluster.bytes.shared_folder import LOCK, new_slot
from cluster.database.connecting import Database
from cluster.index.transaction import PostgresTransaction
from cluster.store import ClusterStore, Place
from storage.blobs.folder import BlobFolder
from storage.blobs.labels import ObjectLabel
from storage.blobs.work_file import WorkFile
from storage.index.mutations import PutObject
from storage.index.rows import Row, Single
from storage.index.versions import Bucket
from storage.values import ALWAYS, NO_ATTRIBUTES, BucketOptions, Versioning
from tests.cluster.store.cluster_stores import Keeper, cluster_store, named_blobs
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import OWNER, SyncBucket

CONTENT = b"content" * 2000


class Left:
    """A blob whose writer died before, or while, the index got its row."""

    def __init__(self, place: Place, store: ClusterStore) -> None:
        self.folder = BlobFolder(place.folder)
        slot = new_slot(self.folder, place.node)
        file = WorkFile(self.folder, slot.place.slot)
        file.write(CONTENT)
        self.row = Row(len(CONTENT), "etag", 1, NO_ATTRIBUTES, Single(file.chunk()))
        file.finish(ObjectLabel("bucket", OWNER, "name", self.row))
        slot.close()
        self.blob = Path(self.folder.blob(file.id))
        self.work = slot.path / file.id
        info = run(store.create_bucket("bucket", BucketOptions(OWNER)))
        self.bucket = info


@pytest.fixture
def left(place: Place, keeper: Keeper) -> Left:
    keeper.empty()
    with cluster_store(place) as store:
        return Left(place, store)


def test_what_no_row_names_is_kept_for_an_hour(left: Left, place: Place, keeper: Keeper) -> None:
    """The statement that names it may be on its way."""
    assert keeper.sweep(orphan_kept_s=3600).doubtful == 1
    with cluster_store(place):
        assert left.blob.exists()
    modified_s = os.stat(left.work).st_mtime - 3601
    os.utime(left.work, (modified_s, modified_s))
    assert keeper.sweep(orphan_kept_s=3600).doubtful == 0
    assert blobs_in([place.folder]) == set()


def test_the_slot_of_a_living_process_is_not_looked_at(place: Place, keeper: Keeper) -> None:
    keeper.empty()
    slot = new_slot(BlobFolder(place.folder), place.node)
    (slot.path / "half").write_bytes(b"half")
    keeper.sweep()
    assert (slot.path / "half").exists()
    slot.close()
    keeper.sweep()
    assert not slot.path.exists()


def test_slots_of_other_nodes_are_not_looked_at(place: Place, keeper: Keeper) -> None:
    """Their processes may live."""
    keeper.empty()
    names = [f"{place.node}-more", "other"]
    slots = [new_slot(BlobFolder(place.folder), node) for node in names]
    for slot in slots:
        slot.close()
    keeper.sweep()
    assert all(slot.path.exists() for slot in slots)
    for slot in slots:
        slot.remove()


def test_a_transaction_that_is_about_to_name_it_is_waited_for(
    left: Left, place: Place, keeper: Keeper
) -> None:
    """It has its locks, and is not committed when the blob is looked at."""
    key: int = keeper.rows("SELECT id FROM s3gw.buckets")[0][0]
    put = PutObject(Bucket(key, left.bucket), "name", left.row, None, ALWAYS)

    async def commit_late() -> int:
        database = Database(place.address, connections=3)
        async with database.connection() as connection:
            async with connection.transaction():
                transaction = PostgresTransaction(connection)
                await put(transaction)
                await transaction.flush_all()
                looking = asyncio.create_task(
                    settle_doubt(database, left.folder, place.node, kept_s=-1)
                )
                while not await _is_waiting(database):
                    assert not looking.done()
        doubtful = await looking
        await database.close()
        return doubtful

    assert run(commit_late()) == 0
    with cluster_store(place) as store:
        assert SyncBucket(store, "bucket").read("name") == CONTENT
    assert not left.work.exists()


def _rename(store: ClusterStore) -> str:
    SyncBucket(store, "bucket").rename("name", "second")
    SyncBucket(store, "bucket").put("name", b"another")
    return "second"


def _rename_twice(store: ClusterStore) -> str:
    SyncBucket(store, "bucket").rename("name", "second")
    SyncBucket(store, "bucket").rename("second", "third")
    return "third"


def _rename_and_cut(store: ClusterStore) -> str:
    SyncBucket(store, "bucket").rename("name", "second")
    SyncBucket(store, "bucket").rechunk("second", 1, 5_000)
    return "second"


def _supersede(store: ClusterStore) -> str:
    """Then it is an older version."""
    SyncBucket(store, "bucket").rename("name", "second")
    SyncBucket(store, "bucket").set_versioning(Versioning.ENABLED)
    SyncBucket(store, "bucket").put("second", b"newer")
    return "second"


@pytest.mark.parametrize("change", [_rename, _rename_twice, _rename_and_cut, _supersede])
def test_work_files_left_behind_cost_no_object_its_bytes(
    place: Place, keeper: Keeper, change: Callable[[ClusterStore], str]
) -> None:
    """A process died between its commit and its tidying up, and others went on, also with the
    bucket."""
    keeper.empty()
    with cluster_store(place) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        bucket.put("name", CONTENT)
        bucket.rechunk("name", 1, 6_000)
        slot = new_slot(BlobFolder(place.folder), place.node)
        for blob in blobs_in([place.folder]) - {LOCK}:
            os.link(BlobFolder(place.folder).blob(blob), slot.path / blob)
        slot.close()
        name = change(store)
        run(store.rename_bucket("bucket", "other"))
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        keeper.sweep()
        assert not slot.path.exists()
        moved = SyncBucket(store, "other")
        (old,) = (each for each in moved.versions().versions if each.info.size == len(CONTENT))
        assert old.info.name == name
        assert moved.read_version(name, old.info.version) == CONTENT
    assert blobs_in([place.folder]) == named_blobs(keeper)


async def _is_waiting(database: Database) -> bool:
    """Whether another transaction waits for a lock of this one."""
    sql = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
    async with database.connection() as connection:
        found: bool = await connection.fetchval(sql)
    return found
