"""A primary that is killed, and its synchronous standby in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cluster.database.connecting import Database
from cluster.index.committing import Committer
from storage.index.bucket_mutations import CreateBucket
from storage.values import BucketInfo
from tests.cluster.index.registers import Registers
from tests.cluster.postgres import HOST, USER, PostgresServer, programs, server_folder
from tests.storage.event_loop import run

STANDBY = "standby"


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary whose commits wait for its standby."""
    programs()
    with server_folder("primary") as one, server_folder("standby") as other:
        waiting = (f"synchronous_standby_names={STANDBY}", "synchronous_commit=on")
        primary = PostgresServer(one, settings=("full_page_writes=off",))
        primary.create()
        standby = PostgresServer(other, settings=("hot_standby=on",))
        try:
            primary.start()
            standby.follow(primary, STANDBY)
            standby.start()
            for setting in waiting:
                name, _, value = setting.partition("=")
                primary.run(f"ALTER SYSTEM SET {name} = '{value}'")
            primary.run("SELECT pg_reload_conf()")
            yield primary, standby
        finally:
            standby.stop()
            primary.stop()


async def survive(primary: PostgresServer, standby: PostgresServer) -> Registers:
    hosts = f"{HOST}:{primary.port},{HOST}:{standby.port}"
    database = Database(f"postgresql://{USER}@{hosts}/postgres")
    await database.open()
    committer = Committer(database, patience_s=25)
    bucket = await committer.run(CreateBucket(BucketInfo("bucket", "owner", 0)))
    registers = Registers(database, committer, bucket)
    work = asyncio.ensure_future(registers.work(clients=8, names=12, operations=120, seed=3))
    await registers.at_least(200)
    assert not work.done(), "the work ended before the primary"
    await asyncio.to_thread(primary.kill)
    await asyncio.to_thread(standby.promote)
    await work
    await database.close()
    return registers


@pytest.mark.timeout(110)
def test_nothing_that_was_acknowledged_is_lost(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    registers = run(survive(*pair))
    assert registers.broken() == []
    assert sum(map(len, registers.histories.values())) > 400
