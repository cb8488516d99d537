"""A page of versions takes the same steps of SQLite however many versions lie around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, StoreOptions
from storage.index.mutations import PutObject
from storage.index.rows import Empty, Row
from storage.index.transaction import Transaction
from storage.values import ALWAYS, NO_ATTRIBUTES, BucketOptions, Versioning, VersionQuery
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store

_ROW = Row(0, "0" * 32, 1, NO_ATTRIBUTES, Empty())


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[LocalStore]:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions("o", versioning=Versioning.ENABLED)))
        yield store


def put_versions(store: LocalStore, name: str, count: int) -> None:
    bucket = store.disks.bucket("bucket")

    async def put(transaction: Transaction) -> None:
        for _ in range(count):
            await PutObject(bucket, name, _ROW, None, ALWAYS)(transaction)

    run(store.disks.first.committer.run(put))


def steps_of(store: LocalStore, query: VersionQuery) -> int:
    """How often SQLite called back, every ten of its steps, for one page."""
    calls = 0

    def count() -> bool:
        nonlocal calls
        calls += 1
        return False

    with store.disks.first.snapshot() as connection:
        connection.set_progress_handler(count, 10)
    run(store.list_versions("bucket", query))
    return calls


@pytest.mark.parametrize(
    "query",
    [
        VersionQuery(limit=5),
        VersionQuery(after="b/1", limit=5),
        VersionQuery(prefix="b/", limit=5),
        VersionQuery(delimiter="/", limit=5),
        VersionQuery(prefix="b/", delimiter="/", limit=5),
        VersionQuery(delimiter="/", after="b/", limit=5),
    ],
)
def test_a_page_costs_the_same_among_many_versions(store: LocalStore, query: VersionQuery) -> None:
    for name in ("a", "b/1", "b/2", "c/1", "d", "e/1", "f"):
        put_versions(store, name, 8)
    few = steps_of(store, query)
    for name in ("a", "b/1", "b/2", "c/1", "d", "e/1", "f"):
        put_versions(store, name, 400)
    assert 0 < steps_of(store, query) <= few + 2


def test_a_page_in_the_midst_of_a_name_costs_as_the_first(store: LocalStore) -> None:
    put_versions(store, "a", 600)
    first = run(store.list_versions("bucket", VersionQuery(limit=300)))
    marker = first.versions[-1].info.version
    deep = VersionQuery(after="a", after_version=marker, limit=5)
    assert steps_of(store, deep) <= steps_of(store, VersionQuery(limit=5)) + 5
