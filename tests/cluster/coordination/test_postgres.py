"""The engine on PostgreSQL: the contract, concurrent writers, lost answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cluster.coordination import Coordination, Put, Unchanged
from cluster.coordination.postgres import PostgresCoordination
from storage.errors import DatabaseUnavailable
from tests.cluster.coordination.nodes import Door, Node, put, until, until_revision, values
from tests.cluster.coordination_contract import KEPT, CoordinationContract
from tests.cluster.postgres import PostgresServer
from tests.storage.event_loop import run

COUNTER = "/counter"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_END_THOSE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def opened(node: Node) -> Iterator[PostgresCoordination]:
    door = Door(node.address, node.folder, kept=KEPT)
    try:
        run(door.open())
        yield door.coordination
    finally:
        run(door.close())


@pytest.fixture
def engine(node: Node) -> Iterator[PostgresCoordination]:
    yield from opened(node)


@pytest.fixture
def another(node: Node) -> Iterator[PostgresCoordination]:
    yield from opened(node)


class TestPostgres(CoordinationContract):
    pass


async def count(coordination: Coordination, times: int) -> None:
    """Add one to the counter, each time by comparing and setting."""
    while times:
        found, _ = await coordination.range(COUNTER)
        value, seen = (int(found[0].value), found[0].mod_revision) if found else (0, 0)
        write = Put(COUNTER, b"%d" % (value + 1))
        if await coordination.transact([Unchanged(COUNTER, seen)], [write]) is not None:
            times -= 1


def test_nodes_that_compare_and_set_lose_nothing(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as one, node.door() as two, other.door() as three:
            doors = [one, two, three]
            await asyncio.gather(*(count(door.coordination, 20) for door in doors))
            await asyncio.gather(*(door.coordination.catch_up() for door in doors))
            for door in doors:
                assert await values(door.coordination) == {COUNTER: b"60"}
                assert door.coordination.revision() == 60

    run(scenario())


def test_who_is_refused_has_seen_why(node: Node, other: Node) -> None:
    """Nobody follows the log on the other node: only its own transaction can have read it."""

    async def scenario() -> None:
        async with node.door() as here, other.door() as there:
            await put(here.coordination, "/a", b"1")
            assert (
                await there.coordination.transact([Unchanged("/a", 0)], [Put("/a", b"2")]) is None
            )
            assert await values(there.coordination) == {"/a": b"1"}

    run(scenario())


def test_revisions_become_visible_in_their_order(node: Node, other: Node) -> None:
    """A replica that caught up to a revision never gets another one below it later."""

    async def scenario() -> None:
        async with node.door() as one, node.door() as two, other.door() as reader:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_write(one.coordination, "/one"))
                tasks.create_task(_write(two.coordination, "/two"))
                copy: dict[str, bytes] = {}
                seen = 0
                while seen < 60:
                    await reader.coordination.catch_up()
                    latest = reader.coordination.revision()
                    found = await reader.coordination.changes("", seen)
                    assert found is not None
                    assert [each.revision for each in found] == list(range(seen + 1, latest + 1))
                    copy |= {each.key: each.value for each in found if each.value is not None}
                    seen = latest
            assert copy == await values(one.coordination)

    run(scenario())


async def _write(coordination: Coordination, key: str) -> None:
    for number in range(30):
        await put(coordination, key, b"%d" % number)


@pytest.fixture
def standby_is_lost(server: PostgresServer) -> Iterator[None]:
    """Commits are there, but nobody hears of them before the server's configuration changes."""
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
    server.run("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _give_up_the_standby(server)


def _give_up_the_standby(server: PostgresServer) -> None:
    server.run("ALTER SYSTEM RESET synchronous_standby_names")
    server.run("SELECT pg_reload_conf()")


def test_a_commit_whose_answer_was_lost_is_known_to_have_happened(
    node: Node, server: PostgresServer, request: pytest.FixtureRequest
) -> None:
    async def scenario() -> None:
        async with node.door() as door:
            seen = await put(door.coordination, "/a", b"1")
            request.getfixturevalue("standby_is_lost")
            writing = asyncio.create_task(
                door.coordination.transact([Unchanged("/a", seen)], [Put("/a", b"2")])
            )
            await until(lambda: server.run(_WAITING) == "1")
            server.run(_END_THOSE)
            _give_up_the_standby(server)
            # Done a second time, it would be refused: the key has changed.
            assert await writing == seen + 1
            assert await values(door.coordination) == {"/a": b"2"}

    run(scenario())


def test_terminated_connections_count_nothing_twice(node: Node, server: PostgresServer) -> None:
    name = node.address.rpartition("/")[2]
    end_all = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"

    async def scenario() -> None:
        async with node.door() as door:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(count(door.coordination, 40))
                for reached in range(0, 40, 4):
                    await until_revision(door.coordination, reached)
                    await asyncio.to_thread(server.run, end_all)
            assert await values(door.coordination) == {COUNTER: b"40"}
            assert door.coordination.revision() == 40

    run(scenario())


def test_a_transaction_waits_for_the_database(node: Node, server: PostgresServer) -> None:
    async def scenario() -> None:
        async with node.door() as door:
            await put(door.coordination, "/a", b"1")
            await asyncio.to_thread(server.kill)
            writing = asyncio.create_task(put(door.coordination, "/a", b"2"))
            try:
                await until(lambda: not writing.done())
                assert await values(door.coordination) == {"/a": b"1"}
            finally:
                await asyncio.to_thread(server.start)
            await writing
            assert await values(door.coordination) == {"/a": b"2"}

    run(scenario())


def test_patience_ends(node: Node, server: PostgresServer) -> None:
    async def scenario() -> None:
        async with node.door(patience_s=0) as door:
            await asyncio.to_thread(server.kill)
            try:
                with pytest.raises(DatabaseUnavailable):
                    await put(door.coordination, "/a", b"1")
            finally:
                await asyncio.to_thread(server.start)

    run(scenario())
