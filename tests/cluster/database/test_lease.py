"""A server that is not the primary any more answers, and what it answers is not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseAway
from cluster.database.patience import PatientReader
from cluster.index.committing import Committer
from storage.errors import BucketExists
from storage.index.bucket_mutations import CreateBucket
from storage.values import BucketInfo
from tests.cluster.postgres import HOST, USER, PostgresServer, replicated_pair
from tests.storage.event_loop import run

# Each read is confirmed.
_LEASE_S = 0.0
_COUNT = "SELECT count(*) FROM s3gw.buckets"

Pair = tuple[PostgresServer, PostgresServer]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with replicated_pair() as both:
        yield both


def address_of(pair: Pair) -> str:
    return f"postgresql://{USER}@{','.join(f'{HOST}:{each.port}' for each in pair)}/postgres"


def depose(primary: PostgresServer, standby: PostgresServer) -> None:
    """Promote the standby, while the primary runs on and does not know."""
    standby.run("ALTER SYSTEM RESET synchronous_standby_names")
    standby.promote()


async def create(committer: Committer, name: str) -> None:
    await committer.run(CreateBucket(BucketInfo(name, "owner", 0)))


async def counted(connection: Connection) -> int:
    found: int = await connection.fetchval(_COUNT)
    return found


def test_a_deposed_primary_is_not_read(pair: Pair) -> None:
    """Its own clients have connections to it, and it would say nothing of what the other has."""
    primary, standby = pair

    async def scenario() -> None:
        here = Database(address_of(pair), connections=1, lease_s=_LEASE_S)
        there = Database(standby.address(), connections=1)
        await here.open()
        reader = PatientReader(here, 20)
        assert await reader.read(counted) == 0
        await asyncio.to_thread(depose, primary, standby)
        await create(Committer(there), "new")
        # It answers, and says that it takes writes.
        assert await asyncio.to_thread(primary.run, _COUNT) == "0"
        assert await reader.read(counted) == 1
        for database in (here, there):
            await database.close()

    run(scenario())


def test_a_refusal_of_a_deposed_primary_is_not_believed(pair: Pair) -> None:
    primary, standby = pair

    async def scenario() -> None:
        here = Database(address_of(pair), connections=1, lease_s=_LEASE_S)
        there = Database(standby.address(), connections=1)
        await here.open()
        await create(Committer(here), "old")
        await asyncio.to_thread(depose, primary, standby)
        async with there.connection() as connection:
            await connection.execute("DELETE FROM s3gw.buckets")
            await connection.execute("DELETE FROM s3gw.labels")
        # The deposed one says that it exists.
        await create(Committer(here, patience_s=20), "old")
        with pytest.raises(BucketExists):
            await create(Committer(there), "old")
        for database in (here, there):
            await database.close()

    run(scenario())


def test_a_server_without_its_standby_is_not_read(pair: Pair) -> None:
    """The standby may have been promoted."""
    primary, standby = pair

    async def scenario() -> None:
        database = Database(primary.address(), connections=1, lease_s=_LEASE_S)
        await database.open()
        reader = PatientReader(database, 20)
        assert await reader.read(counted) == 0
        await asyncio.to_thread(standby.stop)
        with pytest.raises(DatabaseAway, match="may wait for a synchronous standby"):
            await PatientReader(database, 0).read(counted)
        reading = asyncio.create_task(reader.read(counted))
        await asyncio.to_thread(standby.start)
        assert await reading == 0
        await database.close()

    run(scenario())


def test_reads_within_the_lease_cost_no_commit(pair: Pair) -> None:
    primary, _ = pair

    async def scenario() -> None:
        database = Database(primary.address(), connections=1, lease_s=3600)
        await database.open()
        reader = PatientReader(database, 20)
        await reader.read(counted)
        before = await asyncio.to_thread(primary.run, "SELECT pg_current_wal_insert_lsn()")
        for _ in range(10):
            await reader.read(counted)
        after = await asyncio.to_thread(primary.run, "SELECT pg_current_wal_insert_lsn()")
        assert after == before
        await database.close()

    run(scenario())
