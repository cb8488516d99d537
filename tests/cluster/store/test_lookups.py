"""Lookups share statements, and each sees what was acknowledged before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway
from cluster.database.patience import PatientReader
from cluster.index.lookups import MOST, Lookups
from cluster.store import ClusterStore, Place
from storage.errors import BucketNotFound, ObjectNotFound, UploadNotFound, VersionNotFound
from storage.values import (
    Attributes,
    BucketOptions,
    DeleteRequest,
    Deletion,
    ObjectRead,
    UpdateOptions,
    UploadInfo,
)
from tests.cluster.store.cluster_stores import cluster_store
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket


class CountingReader(PatientReader):
    statements = 0

    async def rows(self, sql: str, *values: Any, until: float | None = None) -> list[Any]:
        self.statements += 1
        return await super().rows(sql, *values, until=until)


@pytest.fixture(scope="module")
def store(place: Place) -> Iterator[ClusterStore]:
    with cluster_store(place) as opened:
        run(opened.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(opened, "bucket")
        for number in range(4):
            bucket.put(f"name-{number}", bytes([number]))
        yield opened


@pytest.fixture
def reader(place: Place, store: ClusterStore) -> Iterator[CountingReader]:
    made = CountingReader(Database(place.address, connections=1), 40)
    yield made
    run(made.close())


def test_none_of_many_waits_longer_than_its_patience() -> None:
    """However many statements fail, one after the other, in between."""
    nowhere = PatientReader(Database("postgresql://nobody@127.0.0.1:1/nothing"), 0.5)
    lookups = Lookups(nowhere)

    async def find_all() -> list[Any]:
        async with asyncio.timeout(20):
            finds = (lookups.find("bucket", f"{number}") for number in range(2_000))
            return await asyncio.gather(*finds, return_exceptions=True)

    assert {type(outcome) for outcome in run(find_all())} == {DatabaseAway}


def test_those_that_arrive_together_go_together(reader: CountingReader) -> None:
    lookups = Lookups(reader)

    async def find_all() -> list[Any]:
        finds = [
            lookups.find("bucket" if number % 3 else "none", f"name-{number % 5}")
            for number in range(MOST + 10)
        ]
        return await asyncio.gather(*finds, return_exceptions=True)

    found = run(find_all())
    for number, each in enumerate(found):
        if number % 3 == 0:
            assert isinstance(each, BucketNotFound)
        elif number % 5 == 4:
            assert isinstance(each, ObjectNotFound)
        else:
            assert each.size == 1
    assert reader.statements == 2


def test_many_are_answered_in_their_order(reader: CountingReader) -> None:
    lookups = Lookups(reader)
    reads = [ObjectRead("bucket", f"name-{number}") for number in (3, 0, 9, 1)]
    found = run(lookups.open_many([*reads, ObjectRead("none", "name-1")]))
    payloads = [each if isinstance(each, Exception) else each[1] for each in found]
    assert payloads[:2] == [b"\x03", b"\x00"]
    assert isinstance(payloads[2], ObjectNotFound)
    assert payloads[3] == b"\x01"
    assert isinstance(payloads[4], BucketNotFound)
    assert reader.statements == 1


def test_one_that_is_cancelled_leaves_the_others_alone(reader: CountingReader) -> None:
    lookups = Lookups(reader)

    async def cancel_one() -> list[Any]:
        tasks = [asyncio.create_task(lookups.open("bucket", f"name-{n}")) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = run(cancel_one())
    assert (first[1], third[1]) == (b"\x00", b"\x02")
    assert isinstance(second, asyncio.CancelledError)


def test_what_postgresql_has_no_text_for_harms_no_other_lookup(reader: CountingReader) -> None:
    lookups = Lookups(reader)

    async def find_all() -> tuple[Any, ...]:
        return await asyncio.gather(
            lookups.bucket("bucket\0"),
            lookups.find("bucket", "name-1", "\0"),
            lookups.find("bucket", "name-1\0"),
            lookups.find("bucket", "name-1"),
            return_exceptions=True,
        )

    *missing, found = run(find_all())
    kinds = [type(each) for each in missing]
    assert kinds == [BucketNotFound, VersionNotFound, ObjectNotFound]
    assert found.size == 1


def test_ids_that_postgresql_has_no_text_for_are_those_of_nothing(store: ClusterStore) -> None:
    bucket = SyncBucket(store, "bucket")
    bucket.put("kept", b"kept")
    request = DeleteRequest("kept", version="\0")
    assert run(store.delete_object("bucket", request)) == Deletion(False, "\0")
    assert run(store.delete_objects("bucket", [request])) == [Deletion(False, "\0")]
    for use in (store.head_upload, store.abort_upload, store.list_parts):
        with pytest.raises(UploadNotFound):
            run(use("bucket", "kept", "\0"))
    with pytest.raises(UploadNotFound):
        bucket.complete(UploadInfo("\0", "kept", 0, "", Attributes()), 1)
    with pytest.raises(VersionNotFound):
        run(store.update_object("bucket", "kept", lambda old: old, UpdateOptions(version="\0")))
    for act in (store.delete_bucket, store.head_bucket, store.discard_bucket):
        with pytest.raises(BucketNotFound):
            run(act("bucket\0"))
    assert bucket.read("kept") == b"kept"
