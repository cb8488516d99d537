"""Mutations hold what they read: side by side on an engine that suspends, each is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from storage.backend import unchanged
from storage.errors import BucketExists, BucketNotFound, ObjectNotFound, PreconditionFailed
from storage.index.bucket_mutations import CreateBucket, RenameBucket, TrashBucket
from storage.index.mutations import DeleteObjects, PutObject, RenameObject, UpdateObject
from storage.index.rows import Chunk, Chunked, Empty, Manifest, PartRow, Row, Single
from storage.index.transaction import Mutation, Transaction
from storage.index.upload_mutations import CompleteUpload, CreateUpload, PutPart
from storage.index.versions import Bucket
from storage.values import (
    ALWAYS,
    NO_ATTRIBUTES,
    Attributes,
    BucketInfo,
    Condition,
    DeleteRequest,
    ObjectInfo,
    PartInfo,
    RenameOptions,
    UpdateOptions,
    UploadInfo,
)
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.index.suspending import SuspendingIndex

ROW = Row(0, "etag", 1, NO_ATTRIBUTES, Empty())


@pytest.fixture
def index(clock: FakeClock) -> SuspendingIndex:
    return SuspendingIndex(clock)


@pytest.fixture
def bucket(index: SuspendingIndex) -> Bucket:
    return run(index.run(CreateBucket(BucketInfo("bucket", "owner", 0))))


def together(index: SuspendingIndex, mutations: Sequence[Mutation[Any]]) -> list[Any]:
    async def all_at_once() -> list[Any]:
        running = (index.run(mutation) for mutation in mutations)
        return await asyncio.gather(*running, return_exceptions=True)

    return run(all_at_once())


def put(bucket: Bucket, name: str, condition: Condition = ALWAYS, row: Row = ROW) -> PutObject:
    return PutObject(bucket, name, row, None, condition)


def of_kind(outcomes: Sequence[Any], kind: type) -> list[Any]:
    return [each for each in outcomes if isinstance(each, kind)]


def test_one_of_many_writers_makes_a_new_object(index: SuspendingIndex, bucket: Bucket) -> None:
    condition = Condition(if_none_match=("*",))
    outcomes = together(index, [put(bucket, "name", condition)] * 16)
    assert len(of_kind(outcomes, ObjectInfo)) == 1
    assert len(of_kind(outcomes, PreconditionFailed)) == 15


def test_every_write_of_a_name_is_counted_and_every_blob_but_the_last_goes(
    index: SuspendingIndex, bucket: Bucket
) -> None:
    rows = [Row(1, "etag", 1, NO_ATTRIBUTES, Single(Chunk(f"{n}", 1, b""))) for n in range(16)]
    together(index, [put(bucket, "name", row=row) for row in rows])
    ((current,),) = index.tables.versions.values()
    assert current.row.writes == 16
    assert len(index.tables.garbage) == 15
    assert index.tables.usage == {bucket.key: (1, 1)}


def test_no_change_of_attributes_is_lost(index: SuspendingIndex, bucket: Bucket) -> None:
    def tagged(tag: str) -> UpdateObject:
        def change(old: Attributes) -> Attributes:
            return Attributes(tags={**old.tags, tag: ""})

        return UpdateObject(bucket, "name", change, UpdateOptions())

    run(index.run(put(bucket, "name")))
    together(index, [tagged(f"{number}") for number in range(16)])
    ((current,),) = index.tables.versions.values()
    assert len(current.row.attributes.tags) == 16


def test_renames_in_both_directions_end_and_lose_nothing(
    index: SuspendingIndex, bucket: Bucket
) -> None:
    run(index.run(put(bucket, "one")))
    pairs = [("one", "two"), ("two", "one")] * 8
    renames = [RenameObject(bucket, *pair, RenameOptions()) for pair in pairs]
    outcomes = together(index, renames)
    assert len(of_kind(outcomes, ObjectInfo)) + len(of_kind(outcomes, ObjectNotFound)) == 16
    assert len(index.tables.versions) == 1
    assert index.tables.usage == {bucket.key: (1, 0)}


def test_deletions_of_many_names_in_any_order_end(index: SuspendingIndex, bucket: Bucket) -> None:
    names = [f"{number}" for number in range(8)]
    together(index, [put(bucket, name) for name in names])
    requests = [DeleteRequest(name) for name in names]
    outcomes = together(
        index, [DeleteObjects(bucket, requests), DeleteObjects(bucket, requests[::-1])]
    )
    assert sum(deletion.existed for outcome in outcomes for deletion in outcome) == 8
    assert index.tables.versions == {}
    assert index.tables.usage == {bucket.key: (0, 0)}


def test_an_upload_is_completed_once(index: SuspendingIndex, bucket: Bucket) -> None:
    upload = UploadInfo("1", "name", 0, "owner", NO_ATTRIBUTES)
    part = PartRow(PartInfo(1, 5, "etag", 0), Chunk("part", 5, b""))
    upload = run(index.run(CreateUpload(bucket, upload)))
    run(index.run(PutPart(bucket, "name", "1", part)))
    rows = [Row(5, "etag", 1, NO_ATTRIBUTES, Chunked(f"sidecar {n}")) for n in range(8)]
    manifest = Manifest((part,))
    completions = [CompleteUpload(bucket, upload, row, manifest, ALWAYS) for row in rows]
    assert len(of_kind(together(index, completions), ObjectInfo)) == 1
    assert index.tables.garbage == []


def test_nothing_is_written_to_a_bucket_that_is_gone(
    index: SuspendingIndex, bucket: Bucket
) -> None:
    puts: list[Mutation[Any]] = [put(bucket, f"{number}") for number in range(8)]
    puts.insert(4, TrashBucket("bucket", unchanged))
    outcomes = together(index, puts)
    written = len(of_kind(outcomes, ObjectInfo))
    assert written + len(of_kind(outcomes, BucketNotFound)) == 8
    assert index.tables.usage == {bucket.key: (written, 0)}


def test_a_name_of_a_bucket_is_taken_once(index: SuspendingIndex, bucket: Bucket) -> None:
    creations: list[Mutation[Any]] = [CreateBucket(BucketInfo("new", "owner", 0))] * 8
    creations.insert(4, RenameBucket("bucket", "new", unchanged))
    outcomes = together(index, creations)
    assert len(of_kind(outcomes, Bucket)) == 1
    assert len(of_kind(outcomes, BucketExists)) == 8
    names = [info.name for info in index.tables.buckets.values()]
    assert names.count("new") == 1


# The engine of these tests is itself tested: it has to see what would be wrong.


def test_a_name_that_is_not_held_is_seen(index: SuspendingIndex, bucket: Bucket) -> None:
    async def careless(transaction: Transaction) -> None:
        home = await transaction.hold(bucket, b"one")
        await transaction.find(home.key, b"other")

    with pytest.raises(AssertionError, match="not held"):
        run(index.run(careless))


def test_an_error_after_a_write_is_seen(index: SuspendingIndex, bucket: Bucket) -> None:
    async def late(transaction: Transaction) -> None:
        await transaction.hold(bucket, b"one")
        await transaction.discard([["blob"]])
        raise ObjectNotFound("one")

    with pytest.raises(AssertionError, match="after it had written"):
        run(index.run(late))
    assert index.tables.garbage == []


def test_without_holding_a_write_is_lost(index: SuspendingIndex, bucket: Bucket) -> None:
    """What a mutation would do that read first: so the tests above would notice."""

    async def careless(transaction: Transaction) -> None:
        tables = index.tables
        before = tables.bucket_changes
        await transaction.has_label("label")
        tables.bucket_changes = before + 1

    together(index, [careless] * 8)
    assert index.tables.bucket_changes < 9
