"""Connecting to a database, and its schema."""

from __future__ import annotations

import asyncio
import signal
import uuid
from time import monotonic

import pytest

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway, DatabaseRefused, OutcomeUnknown
from cluster.database.migrate import SCHEMA, steps
from cluster.database.resolve import resolve
from tests.cluster.postgres import PostgresServer
from tests.storage.event_loop import run


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


def test_a_user_without_privileges_is_refused(address: str, server: PostgresServer) -> None:
    """Once the schema is there, the user that owns it needs no privilege on the database."""
    name = address.rpartition("/")[2]
    server.run(f"CREATE ROLE {name} LOGIN")
    theirs = address.replace("postgres@", f"{name}@")
    with pytest.raises(DatabaseRefused, match=r"may not change its schema .*GRANT it CREATE"):
        run(opened(theirs))
    server.run(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {name}", name)
    assert run(opened(theirs)) == steps()[-1].number


def test_no_statement_is_compiled(address: str, server: PostgresServer) -> None:
    """Neither in a transaction nor without one; other users and databases are left as they are."""

    odd, name = "Odd-user", address.rpartition("/")[2]
    server.run(f'CREATE ROLE "{odd}" LOGIN; ALTER DATABASE {name} OWNER TO "{odd}"')

    async def said() -> str:
        database = Database(address.replace("postgres@", f"{odd}@"))
        try:
            await database.open()
            async with database.connection() as connection:
                found: str = await connection.fetchval("SHOW jit")
                return found
        finally:
            await database.close()

    assert [run(said()), run(said())] == ["off", "off"]
    assert server.run("SHOW jit", name) == "on"
    assert server.run("SHOW jit", "postgres", odd) == "on"


def test_no_server_is_an_error_of_its_own() -> None:
    with pytest.raises(DatabaseAway):
        run(opened("postgresql://nobody@127.0.0.1:1/nothing"))


def test_a_lost_answer_is_unknown_while_nobody_can_be_asked(
    address: str, server: PostgresServer
) -> None:
    """Whatever the database answers then, it does not say that nothing was committed."""
    run(opened(address))
    server.run(f"ALTER TABLE {SCHEMA}.done RENAME TO gone", address.rpartition("/")[2])

    async def asked() -> None:
        database = Database(address)
        try:
            await resolve(database, uuid.uuid4(), monotonic())
        finally:
            await database.close()

    with pytest.raises(OutcomeUnknown, match="does not exist"):
        run(asked())


@pytest.mark.parametrize("kind", ["query_canceled", "disk_full", "too_many_connections"])
def test_what_a_server_lacks_for_a_while_is_an_outage(address: str, kind: str) -> None:
    async def used() -> None:
        database = Database(address)
        try:
            async with database.connection() as connection:
                await connection.execute(f"DO $$ BEGIN RAISE {kind}; END $$")
        finally:
            await database.close()

    with pytest.raises(DatabaseAway, match=kind):
        run(used())


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
