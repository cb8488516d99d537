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
from tests.cluster.postgres import HOST, USER, PostgresServer, replicated_pair
from tests.storage.event_loop import run


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with replicated_pair() as running:
        yield running


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
