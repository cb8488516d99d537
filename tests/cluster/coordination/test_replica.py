"""The replica of a node: what it missed, damage, other databases, and its age."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.coordination import Delete, Put, Unchanged
from cluster.coordination.node_note import NodeNote
from cluster.coordination.replica import CURRENT_S, Replica, prepare_replica
from cluster.database.connecting import Database
from storage.errors import Corrupt, DatabaseUnavailable
from tests.cluster.coordination.nodes import Door, Node, new_database, put, until, values
from tests.cluster.coordination_contract import KEPT
from tests.cluster.postgres import PostgresServer
from tests.storage.damage import flip
from tests.storage.event_loop import run

_NS = 1_000_000_000
LARGE = {f"/users/{number:03}": bytes([number]) * 3000 for number in range(60)}


class Clock:
    """The time since the boot, in a test."""

    def __init__(self) -> None:
        self.now_ns = 1000 * _NS

    def __call__(self) -> int:
        return self.now_ns


async def read_all(address: str, folder: Path) -> dict[str, bytes]:
    """Return what a process that starts on the node reads."""
    async with Node(address, folder).door() as door:
        return await values(door.coordination)


async def fill(node: Node) -> None:
    async with node.door() as door:
        for key, value in LARGE.items():
            await put(door.coordination, key, value)
        await door.coordination.checkpoint()


def test_only_the_owner_can_read_the_files(node: Node) -> None:
    run(fill(node))
    assert node.folder.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in node.folder.iterdir()}
    assert set(modes) >= {"note", "replica-1.db"}
    assert set(modes.values()) == {0o600}


def test_a_replica_goes_on_where_it_was(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with other.door() as writer:
            await put(writer.coordination, "/a", b"1")
            async with node.door() as door:
                seen = door.coordination.revision()
            await put(writer.coordination, "/a", b"2")
            await writer.coordination.transact([], [Put("/b", b""), Delete("/a")])
        prepare_replica(node.folder)
        async with node.door() as door:
            found = await door.coordination.changes("", seen)
            assert found is not None
            assert [(each.key, each.value) for each in found] == [
                ("/a", b"2"),
                ("/a", None),
                ("/b", b""),
            ]

    run(scenario())


def test_more_than_one_reading_of_the_log(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as door, other.door() as writer:
            for number in range(150):
                await put(writer.coordination, f"/{number}", b"")
            await door.coordination.catch_up()
            found = await door.coordination.changes("", 0)
            assert found is not None
            assert [each.revision for each in found] == list(range(1, 151))

    run(scenario())


def test_a_node_that_missed_what_is_forgotten_reads_all(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door(kept=KEPT) as door, other.door(kept=KEPT) as writer:
            await put(writer.coordination, "/gone", b"")
            await put(writer.coordination, "/kept", b"")
            await door.coordination.catch_up()
            seen = door.coordination.revision()
            await writer.coordination.transact([], [Delete("/gone")])
            for number in range(2 * KEPT):
                await put(writer.coordination, "/a", b"%d" % number)
            await door.coordination.catch_up()
            assert await values(door.coordination) == await values(writer.coordination)
            assert "/gone" not in await values(door.coordination)
            assert await door.coordination.changes("", seen) is None
            latest = await put(writer.coordination, "/a", b"")
            await door.coordination.catch_up()
            found = await door.coordination.changes("", latest - 1)
            assert found is not None
            assert [each.revision for each in found] == [latest]

    run(scenario())


def test_another_database_replaces_all_with_higher_revisions(
    node: Node, server: PostgresServer
) -> None:
    async def scenario() -> None:
        await fill(node)
        elsewhere = Node(new_database(server), node.folder)
        async with elsewhere.door() as door:
            assert await values(door.coordination) == {}
            assert door.coordination.revision() > len(LARGE)
            assert await door.coordination.changes("", len(LARGE)) is None
            assert await put(door.coordination, "/a", b"1") > len(LARGE)

    run(scenario())


@pytest.mark.parametrize("written", [0, 2, 3, 5])
def test_a_database_that_was_put_back_is_noticed(
    node: Node, other: Node, server: PostgresServer, written: int
) -> None:
    """The node knows three revisions that the older database does not have. That one goes on with
    others of the same numbers; a copy of an entry must not pass for the other."""

    async def scenario() -> None:
        async with node.door() as door:
            await put(door.coordination, "/kept", b"")
        backup = new_database(server, node.address.rpartition("/")[2])
        async with node.door() as door:
            for _ in range(3):
                lost = await put(door.coordination, "/a", b"lost")
        async with Node(backup, other.folder).door() as there:
            for _ in range(written):
                await put(there.coordination, "/a", b"put back")
            expected = await values(there.coordination)
        async with Node(backup, node.folder).door() as door:
            assert await values(door.coordination) == expected
            assert door.coordination.revision() > max(lost, 1 + written)
            assert await door.coordination.changes("", lost) is None
            done = await door.coordination.transact([Unchanged("/a", lost)], [Put("/a", b"")])
            assert done is None
        async with Node(backup, other.folder).door() as there:
            assert await values(there.coordination) == expected

    run(scenario())


def test_what_is_compared_is_of_the_same_history(
    node: Node, other: Node, server: PostgresServer
) -> None:
    """The node writes to a database that was put back before it has read anything of it."""

    async def scenario() -> None:
        async with node.door() as door:
            await put(door.coordination, "/kept", b"")
        backup = new_database(server, node.address.rpartition("/")[2])
        async with node.door() as door:
            lost = await put(door.coordination, "/a", b"lost")
        async with Node(backup, other.folder).door() as there:
            assert await put(there.coordination, "/a", b"put back") == lost
        door = Door(backup, node.folder)
        try:
            done = await door.coordination.transact([Unchanged("/a", lost)], [Put("/a", b"")])
            assert done is None
            assert (await values(door.coordination))["/a"] == b"put back"
        finally:
            await door.close()

    run(scenario())


# Damage


def damage(folder: Path) -> None:
    """Flip bits of one value, wherever it is."""
    file = next(folder.glob("replica-*.db"))
    content = file.read_bytes()
    value = bytes([30]) * 1000
    places = [at for at in range(0, len(content), 500) if content[at : at + 1000] == value]
    assert places
    for place in places:
        flip(file, place)


def test_a_damaged_replica_is_read_again_from_the_database(node: Node) -> None:
    run(fill(node))
    damage(node.folder)
    assert run(read_all(node.address, node.folder)) == LARGE
    assert [file.name for file in node.folder.glob("*.db")] == ["replica-2.db"]


@pytest.mark.parametrize("name", ["replica-1.db", "note"])
@pytest.mark.parametrize("content", [None, b"", b"something else" * 1000])
def test_a_lost_file_is_read_again_from_the_database(
    node: Node, name: str, content: bytes | None
) -> None:
    run(fill(node))
    for each in node.folder.glob(f"{name}*"):
        each.unlink()
    if content is not None:
        (node.folder / name).write_bytes(content)
    assert run(read_all(node.address, node.folder)) == LARGE


def test_damage_is_noticed_while_the_node_runs(node: Node) -> None:
    """The process that finds it need not be the one that follows the log."""

    async def scenario() -> None:
        await fill(node)
        damage(node.folder)
        replica = Replica(node.folder)
        try:
            with pytest.raises(Corrupt):
                await replica.range("")
            revision = replica.revision()
            async with node.following():
                await until(lambda: not replica.is_damaged)
            entries, _ = await replica.range("")
            assert {each.key: each.value for each in entries} == LARGE
            assert replica.revision() == revision
        finally:
            replica.close()

    run(scenario())


# Age


def test_a_replica_is_current_for_ten_seconds(node: Node) -> None:
    clock = Clock()

    async def scenario() -> None:
        async with node.door(now_ns=clock) as door:
            with pytest.raises(DatabaseUnavailable):
                door.coordination.require_current()
            async with node.following(now_ns=clock):
                await until(door.replica.is_current)
            door.coordination.require_current()
            clock.now_ns += CURRENT_S * _NS
            door.coordination.require_current()
            clock.now_ns += 1
            with pytest.raises(DatabaseUnavailable, match="no news from the database for 10 s"):
                door.coordination.require_current()
            # What needs no certainty is read all the same.
            assert await values(door.coordination) == {}
            async with node.following(now_ns=clock):
                await until(door.replica.is_current)

    run(scenario())


def test_a_note_of_an_earlier_boot_is_not_believed(node: Node) -> None:
    note = NodeNote(node.folder)
    replica = Replica(node.folder, now_ns=Clock())
    try:
        note.current_ns = 1001 * _NS
        assert not replica.is_current()
        note.current_ns = 999 * _NS
        assert replica.is_current()
        prepare_replica(node.folder)
        assert not replica.is_current()
    finally:
        replica.close()
        note.close()


def test_a_server_that_cannot_commit_gives_no_news(node: Node, server: PostgresServer) -> None:
    """It may not be the primary any more, as far as the others are concerned."""
    clock = Clock()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

    def configure(command: str) -> None:
        server.run(f"ALTER SYSTEM {command}")
        server.run("SELECT pg_reload_conf()")

    async def scenario() -> None:
        database = Database(node.address)
        await database.open()
        await database.close()
        replica = Replica(node.folder, now_ns=clock)
        configure("SET synchronous_standby_names = 'absent'")
        try:
            async with node.following(now_ns=clock):
                await until(lambda: server.run(waiting) == "1")
                assert not replica.is_current()
                configure("RESET synchronous_standby_names")
                await until(replica.is_current)
        finally:
            configure("RESET synchronous_standby_names")
            replica.close()

    run(scenario())


def test_two_processes_apply_the_same_at_the_same_time(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as one, node.door() as two, other.door() as writer:
            for number in range(30):
                await put(writer.coordination, f"/{number}", b"")
                doors = (one.coordination, two.coordination)
                await asyncio.gather(*(each.catch_up() for each in doors))
            found = await one.coordination.changes("", 0)
            assert found is not None
            assert [each.revision for each in found] == list(range(1, 31))

    run(scenario())
