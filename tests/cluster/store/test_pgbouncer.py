"""The store of a cluster through PgBouncer in transaction mode."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cluster.database.connecting import Database
from cluster.database.pooling import is_pooled, keeps_statements
from cluster.database.primary import connect
from cluster.store import ClusterStore, Place
from tests.cluster.coordination.nodes import Node, new_database, put, until, until_revision, values
from tests.cluster.pgbouncer import PgBouncer, pgbouncer
from tests.cluster.postgres import PostgresServer
from tests.cluster.store.cluster_stores import Alternating, Keeper, TurnedClock, cluster_store
from tests.storage.contract_completion import CompletionContract
from tests.storage.contract_listing import ListingContract
from tests.storage.contract_objects import ObjectContract
from tests.storage.contract_reading_many import ReadingManyContract
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import Tidy

NEVER_S = 3600.0


@pytest.fixture(scope="module", params=["loses statements", "keeps statements"])
def pooler(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[PgBouncer]:
    with pgbouncer(server, keeps_statements=request.param.startswith("keeps")) as running:
        yield running


@pytest.fixture(scope="module")
def pooled(place: Place, pooler: PgBouncer) -> Place:
    return replace(place, address=pooler.address(place.address.rpartition("/")[2]))


@pytest.fixture(scope="module")
def turned() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(scope="module")
def stores(pooled: Place, turned: TurnedClock) -> Iterator[list[ClusterStore]]:
    with ExitStack() as stack:
        yield [stack.enter_context(cluster_store(pooled, turned)) for _ in range(2)]


class TestTwoInTurns(ObjectContract, ListingContract, CompletionContract, ReadingManyContract):
    """What objects, listings, multipart uploads and many reads at once need of connections."""

    @pytest.fixture
    def backend(
        self, stores: list[ClusterStore], turned: TurnedClock, clock: FakeClock, keeper: Keeper
    ) -> Any:
        turned.shown = clock
        keeper.empty()
        return Alternating(stores)

    @pytest.fixture
    def tidy(self, keeper: Keeper, clock: FakeClock) -> Tidy:
        def sweep() -> None:
            keeper.sweep(clock)

        return sweep


def test_what_the_pooler_does_to_statements_is_seen(
    pooler: PgBouncer, server: PostgresServer, request: pytest.FixtureRequest
) -> None:
    async def seen(address: str) -> tuple[bool, bool]:
        connection = await connect(address)
        try:
            return await is_pooled(connection), await keeps_statements(connection)
        finally:
            await connection.close()

    keeps = "keeps statements" in request.node.nodeid
    assert run(seen(pooler.address())) == (True, keeps)
    assert run(seen(server.address())) == (False, True)


def test_many_at_once_share_few_connections_of_the_server(pooled: Place) -> None:
    async def sums(database: Database, number: int) -> list[int]:
        found = []
        for each in range(20):
            async with database.connection() as connection:
                query = f"SELECT $1::integer + {number % 7}"
                found.append(await connection.fetchval(query, each) - number % 7)
        return found

    async def scenario() -> None:
        databases = [Database(pooled.address, connections=4) for _ in range(3)]
        async with asyncio.TaskGroup() as tasks:
            counted = [
                tasks.create_task(sums(database, number))
                for number in range(6)
                for database in databases
            ]
        assert all(each.result() == list(range(20)) for each in counted)
        for database in databases:
            await database.close()

    run(scenario())


@pytest.mark.parametrize("is_direct", [True, False])
def test_nodes_write_through_it_and_follow(
    is_direct: bool, pooler: PgBouncer, server: PostgresServer, tmp_path: Path
) -> None:
    """By notifications on a direct connection, and else by the poll."""
    address = new_database(server)
    through = pooler.address(address.rpartition("/")[2])
    direct, poll_s = (address, NEVER_S) if is_direct else (through, 0.05)
    node, other = (Node(through, tmp_path / name, direct) for name in ("a", "b"))

    async def scenario() -> None:
        async with node.door() as here, other.door() as there, other.following(poll_s=poll_s):
            await until(there.replica.is_current)
            for value in (b"1", b"2", b"3"):
                revision = await put(here.coordination, "/a", value)
                await until_revision(there.coordination, revision)
                assert await values(there.coordination) == {"/a": value}

    run(scenario())
