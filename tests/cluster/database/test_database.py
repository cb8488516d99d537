"""Connecting to a database, and its schema."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway, DatabaseRefused
from cluster.database.migrate import SCHEMA, steps
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture
def address(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    """An empty database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    server.run(f"CREATE DATABASE {name}")
    return server.address(name)


async def opened(address: str) -> int:
    database = Database(address)
    try:
        await database.open()
        async with database.connection() as connection:
            found: int = await connection.fetchval("SELECT max(number) FROM s3gw.schema_steps")
            return found
    finally:
        await database.close()


def test_the_schema_is_made_once_by_many_at_the_same_time(address: str) -> None:
    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(opened(address) for _ in range(4)))

    assert set(run(all_at_once())) == {steps()[-1].number}
    assert run(opened(address)) == steps()[-1].number


def test_a_schema_of_a_newer_version_is_refused(address: str, server: PostgresServer) -> None:
    run(opened(address))
    server.run(f"INSERT INTO {SCHEMA}.schema_steps VALUES (9999)", address.rpartition("/")[2])
    with pytest.raises(DatabaseRefused, match=r"schema 9999, of a newer version.*update s3gw"):
        run(opened(address))


def test_no_server_is_an_error_of_its_own() -> None:
    with pytest.raises(DatabaseAway):
        run(opened("postgresql://nobody@127.0.0.1:1/nothing"))


def test_a_server_that_is_silent_is_left(address: str, server: PostgresServer) -> None:
    """A stopped process keeps its connections, and answers nothing."""

    async def used() -> None:
        database = Database(address)
        await database.open()
        try:
            async with database.connection(0.3) as connection:
                server.send(signal.SIGSTOP)
                await connection.fetchval("SELECT 1")
        finally:
            server.send(signal.SIGCONT)
            await database.close()

    with pytest.raises(DatabaseAway):
        run(used())
