"""Garbage goes when its time has come, and once, whatever number of processes sweep."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cluster.bytes.sweeping import GARBAGE_BITE
from cluster.store import ClusterOptions, ClusterStore, Place
from storage.values import BucketOptions
from tests.cluster.store.cluster_stores import Keeper, cluster_store, named_blobs
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import OWNER, SyncBucket

OPTIONS = ClusterOptions(inline_limit=0)


@pytest.fixture
def stores(place: Place, keeper: Keeper) -> Iterator[list[ClusterStore]]:
    keeper.empty()
    with cluster_store(place, options=OPTIONS) as one, cluster_store(place, options=OPTIONS) as two:
        run(one.create_bucket("bucket", BucketOptions(OWNER)))
        yield [one, two]
    keeper.sweep()
    assert blobs_in([place.folder]) == named_blobs(keeper)


def test_garbage_stays_until_its_time(
    stores: list[ClusterStore], place: Place, keeper: Keeper
) -> None:
    bucket = SyncBucket(stores[0], "bucket")
    bucket.put("a", b"old")
    (old,) = named_blobs(keeper)
    bucket.put("a", b"new")
    run(stores[1].sweeper.run_once())
    assert old in blobs_in([place.folder])
    assert bucket.read("a") == b"new"
    keeper.sweep()
    assert old not in blobs_in([place.folder])
    assert bucket.read("a") == b"new"


def test_what_two_sweep_goes_once(stores: list[ClusterStore], keeper: Keeper) -> None:
    bucket = SyncBucket(stores[0], "bucket")
    bucket.put("a", b"kept")
    count = 3 * GARBAGE_BITE
    keeper.execute(
        """INSERT INTO s3gw.garbage(blobs, not_before)
        SELECT ARRAY[md5(number::text)], clock_timestamp() FROM generate_series(1, $1) number""",
        count,
    )

    async def sweep(store: ClusterStore) -> int:
        collected = 0
        while (swept := await store.sweeper.run_once()).collected:
            collected += swept.collected
        return collected

    async def sweep_at_once() -> list[int]:
        return await asyncio.gather(*map(sweep, stores))

    assert sum(run(sweep_at_once())) == count
    assert keeper.rows("SELECT count(*) FROM s3gw.garbage") == [(0,)]
    assert bucket.read("a") == b"kept"


def test_usage_is_the_same_when_it_is_added_up(stores: list[ClusterStore], keeper: Keeper) -> None:
    bucket = SyncBucket(stores[0], "bucket")
    for number in range(5):
        bucket.put(f"{number}", bytes(number))
    bucket.delete("4")
    before = run(stores[1].usage())
    assert (before.objects, before.stored_bytes) == (4, 6)
    assert keeper.rows("SELECT count(*) > 0 FROM s3gw.usage_delta") == [(True,)]
    keeper.sweep()
    assert keeper.rows("SELECT count(*) FROM s3gw.usage_delta") == [(0,)]
    after = run(stores[1].usage())
    assert (after.objects, after.stored_bytes) == (4, 6)


def test_a_discarded_bucket_leaves_nothing(stores: list[ClusterStore], keeper: Keeper) -> None:
    bucket = SyncBucket(stores[0], "bucket")
    bucket.put("a", b"a")
    bucket.upload_of("b", b"part")
    run(stores[1].discard_bucket("bucket"))
    keeper.sweep()
    for table in ("trash", "labels", "objects", "uploads", "parts", "garbage", "usage"):
        assert keeper.rows(f"SELECT count(*) FROM s3gw.{table}") == [(0,)], table
