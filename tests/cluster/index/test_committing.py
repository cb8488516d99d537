"""Mutations that meet at the database: together, in each other's way, and without their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway
from cluster.index.committing import Committer
from storage.backend import unchanged
from storage.errors import BucketNotFound, ObjectNotFound, PreconditionFailed
from storage.index.bucket_mutations import CreateBucket, TrashBucket
from storage.index.mutations import DeleteObjects, PutObject, RenameObject, UpdateObject
from storage.index.rows import Empty, Row
from storage.index.transaction import Mutation
from storage.index.versions import Bucket
from storage.values import (
    ALWAYS,
    NO_ATTRIBUTES,
    Attributes,
    BucketInfo,
    Condition,
    DeleteRequest,
    ObjectInfo,
    RenameOptions,
    UpdateOptions,
)
from tests.cluster.index.postgres_engine import Postgres
from tests.cluster.postgres import postgres
from tests.storage.event_loop import run

NEW = Condition(if_none_match=("*",))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres() as server:
        opened = Database(server.address())
        run(opened.open())
        yield opened
        run(opened.close())


@pytest.fixture
def index(database: Database) -> Postgres:
    return Postgres(database)


@pytest.fixture
def bucket(index: Postgres) -> Bucket:
    made = index.commit(CreateBucket(BucketInfo("bucket", "owner", 0)))
    assert isinstance(made, Bucket)
    return made


def put(bucket: Bucket, name: str, condition: Condition = ALWAYS) -> PutObject:
    return PutObject(bucket, name, Row(1, name, 1, NO_ATTRIBUTES, Empty()), None, condition)


def together(index: Postgres, mutations: Sequence[Mutation[Any]]) -> list[Any]:
    async def gathered() -> list[Any]:
        runs = (index.committer.run(mutation) for mutation in mutations)
        return await asyncio.gather(*runs, return_exceptions=True)

    return run(gathered())


def usage(index: Postgres, bucket: Bucket) -> object:
    found = index.others()["usage"]
    assert isinstance(found, dict)
    return found[bucket.key]


def test_a_name_is_created_once(index: Postgres, bucket: Bucket) -> None:
    outcomes = together(index, [put(bucket, "name", NEW) for _ in range(24)])
    assert sum(isinstance(outcome, ObjectInfo) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 23
    assert usage(index, bucket) == (1, 1)


def test_many_names_are_put_together(index: Postgres, bucket: Bucket) -> None:
    outcomes = together(index, [put(bucket, f"{number}") for number in range(200)])
    assert {outcome.name for outcome in outcomes} == {f"{number}" for number in range(200)}
    assert usage(index, bucket) == (200, 200)
    # Each transaction leaves one row there.
    assert 1 < len(index.all("id", "done")) < 40


def test_one_that_is_refused_harms_no_other(index: Postgres, bucket: Bucket) -> None:
    index.commit(put(bucket, "3"))
    outcomes = together(index, [put(bucket, f"{number}", NEW) for number in range(8)])
    assert [isinstance(outcome, ObjectInfo) for outcome in outcomes].index(False) == 3
    assert isinstance(outcomes[3], PreconditionFailed)
    assert usage(index, bucket) == (8, 8)


def test_no_change_of_attributes_is_lost(index: Postgres, bucket: Bucket) -> None:
    def tagged(tag: str) -> UpdateObject:
        def change(old: Attributes) -> Attributes:
            return Attributes(tags={**old.tags, tag: ""})

        return UpdateObject(bucket, "name", change, UpdateOptions())

    index.commit(put(bucket, "name"))
    together(index, [tagged(f"{number}") for number in range(16)])
    (((current, _),),) = index.histories().values()
    assert len(current.attributes.tags) == 16


def test_renames_in_both_directions_end_and_lose_nothing(index: Postgres, bucket: Bucket) -> None:
    index.commit(put(bucket, "one"))
    pairs = [("one", "two"), ("two", "one")] * 8
    outcomes = together(index, [RenameObject(bucket, *pair, RenameOptions()) for pair in pairs])
    ended = [isinstance(outcome, ObjectInfo | ObjectNotFound) for outcome in outcomes]
    assert all(ended), outcomes
    assert len(index.histories()) == 1


def test_deletions_of_many_names_in_any_order_end(index: Postgres, bucket: Bucket) -> None:
    names = [f"{number}" for number in range(8)]
    together(index, [put(bucket, name) for name in names])
    requests = [DeleteRequest(name) for name in names]
    outcomes = together(
        index, [DeleteObjects(bucket, requests), DeleteObjects(bucket, requests[::-1])]
    )
    assert sum(deletion.existed for outcome in outcomes for deletion in outcome) == 8
    assert usage(index, bucket) == (0, 0)


def test_nothing_is_written_to_a_bucket_that_is_gone(index: Postgres, bucket: Bucket) -> None:
    mutations: list[Mutation[Any]] = [put(bucket, f"{number}") for number in range(16)]
    mutations.insert(8, TrashBucket("bucket", unchanged))
    outcomes = together(index, mutations)
    written = sum(isinstance(outcome, ObjectInfo) for outcome in outcomes)
    assert written + sum(isinstance(outcome, BucketNotFound) for outcome in outcomes) == 16
    assert usage(index, bucket) == (written, written)


class NotedFiles:
    """Says what became of the files."""

    def __init__(self) -> None:
        self.became = "in doubt"

    def keep(self) -> None:
        self.became = "kept"

    def discard(self) -> None:
        self.became = "discarded"


@pytest.mark.parametrize("steps", [1, 2, 5, 10, 40])
def test_files_of_a_row_stay_when_its_caller_is_gone(
    index: Postgres, bucket: Bucket, steps: int
) -> None:
    async def cancelled() -> NotedFiles:
        files = NotedFiles()
        task = asyncio.ensure_future(index.committer.run(put(bucket, "name"), files))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await index.committer.close()
        return files

    files = run(cancelled())
    assert (files.became == "kept") == bool(index.histories())
    assert files.became != "in doubt"


class FailingFiles(NotedFiles):
    def keep(self) -> None:
        raise OSError("the folder is gone")


def test_a_commit_is_acknowledged_though_its_files_stay_in_doubt(
    index: Postgres, bucket: Bucket
) -> None:
    files = FailingFiles()
    assert run(index.committer.run(put(bucket, "name"), files)).name == "name"
    assert files.became == "in doubt"
    assert len(index.histories()) == 1


def test_files_of_what_was_refused_go(index: Postgres, bucket: Bucket) -> None:
    files = NotedFiles()
    condition = Condition(if_match=("other",))
    with pytest.raises(ObjectNotFound):
        run(index.committer.run(put(bucket, "name", condition), files))
    assert files.became == "discarded"


def test_patience_with_a_database_that_is_away_ends(bucket: Bucket) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing")
    files = NotedFiles()
    with pytest.raises(DatabaseAway):
        run(Committer(nowhere, patience_s=0.2).run(put(bucket, "name"), files))
    assert files.became == "discarded"


def test_none_of_many_waits_longer_than_its_patience(bucket: Bucket) -> None:
    """However many groups of them fail, one after the other, in between."""
    committer = Committer(Database("postgresql://nobody@127.0.0.1:1/nothing"), patience_s=0.5)

    async def waited() -> list[Any]:
        async with asyncio.timeout(20):
            runs = (committer.run(put(bucket, f"{number}")) for number in range(2_000))
            return await asyncio.gather(*runs, return_exceptions=True)

    assert {type(outcome) for outcome in run(waited())} == {DatabaseAway}


def test_a_bucket_that_is_held_is_waited_for(
    index: Postgres, bucket: Bucket, database: Database
) -> None:
    """Longer than a transaction waits for a lock: it is tried again."""

    async def waited() -> ObjectInfo:
        async with database.connection() as connection:
            await connection.execute("BEGIN")
            await connection.fetch("SELECT * FROM s3gw.hold_bucket_1('bucket')")
            task = asyncio.ensure_future(index.committer.run(put(bucket, "name")))
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            for waits in (True, False, True):
                # An attempt that gave up is followed by another one.
                while (await connection.fetchval(blocked) > 0) is not waits:
                    pass
            await connection.execute("COMMIT")
        return await task

    assert run(waited()).name == "name"
