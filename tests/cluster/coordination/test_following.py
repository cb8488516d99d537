"""One process of a node follows the log: the bell, the poll, outages, kills."""

from __future__ import annotations

import asyncio
import itertools
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.coordination import Put
from tests.cluster.coordination.nodes import Node, new_database, put, until, until_revision, values
from tests.cluster.postgres import PostgresServer
from tests.storage.event_loop import run

# Nothing in a test takes that long.
NEVER_S = 3600.0
_WITHOUT_BELL = """
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('s3gw.change_entries_1'::regproc),
        'PERFORM pg_notify(', 'PERFORM concat(');
END $$
"""


def test_what_a_node_writes_the_other_reads(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as here, other.door() as there:
            async with node.following(), other.following():
                for writer, reader in itertools.islice(
                    itertools.cycle([(here, there), (there, here)]), 6
                ):
                    written = await put(writer.coordination, "/a", b"x")
                    assert writer.coordination.revision() >= written
                    await until_revision(reader.coordination, written)
                    assert await values(reader.coordination) == {"/a": b"x"}

    run(scenario())


def test_a_notification_is_enough(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as here, other.door() as there:
            async with other.following(poll_s=NEVER_S):
                await until(there.replica.is_current)
                written = await put(here.coordination, "/a", b"1")
                await until_revision(there.coordination, written)

    run(scenario())


def test_a_lost_notification_is_made_up_for_by_the_poll(
    server: PostgresServer, tmp_path: Path
) -> None:
    address = new_database(server)
    node, other = Node(address, tmp_path / "a"), Node(address, tmp_path / "b")

    async def scenario() -> None:
        async with node.door() as here, other.door() as there:
            server.run(_WITHOUT_BELL, address.rpartition("/")[2])
            async with other.following():
                await until(there.replica.is_current)
                for number in range(3):
                    written = await put(here.coordination, "/a", b"%d" % number)
                    await until_revision(there.coordination, written)

    run(scenario())


def test_an_outage_of_the_database_ends_by_itself(
    node: Node, other: Node, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with node.door() as here, other.door() as there, other.following():
            await put(here.coordination, "/a", b"1")
            await until_revision(there.coordination, 1)
            with caplog.at_level(logging.WARNING, "cluster"):
                await asyncio.to_thread(server.kill)
                await until(lambda: bool(caplog.records))
                assert await values(there.coordination) == {"/a": b"1"}
                await asyncio.to_thread(server.start)
            written = await put(here.coordination, "/a", b"2")
            await until_revision(there.coordination, written)
            assert len(caplog.records) == 1

    run(scenario())


def test_a_terminated_connection_is_made_again(
    node: Node, other: Node, server: PostgresServer
) -> None:
    name = node.address.rpartition("/")[2]
    end_all = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"

    async def scenario() -> None:
        async with node.door() as here, other.door() as there, other.following():
            for number in range(3):
                await until(there.replica.is_current)
                server.run(end_all)
                written = await put(here.coordination, "/a", b"%d" % number)
                await until_revision(there.coordination, written)

    run(scenario())


def follower(node: Node) -> subprocess.Popen[bytes]:
    program = "tests.cluster.coordination.follower_child"
    return subprocess.Popen([sys.executable, "-m", program, node.address, str(node.folder)])


def test_the_next_process_continues_after_a_kill(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as here, other.door() as there:
            numbers = itertools.count(1)

            async def write_until(stop: asyncio.Event) -> None:
                while not stop.is_set():
                    number = next(numbers)
                    writes = [Put(f"/{number}", b"x"), Put(f"/{number}/twin", b"x")]
                    await here.coordination.transact([], writes)

            for _ in range(3):
                child = follower(other)
                stop = asyncio.Event()
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(write_until(stop))
                        reached = there.coordination.revision() + 10
                        await until_revision(there.coordination, reached)
                        child.kill()
                        stop.set()
                finally:
                    child.kill()
                    child.wait()
                found = await values(there.coordination)
                assert len(found) == 2 * there.coordination.revision()
            await there.coordination.catch_up()
            assert await values(there.coordination) == await values(here.coordination)
            assert there.coordination.revision() == next(numbers) - 1

    run(scenario())


def test_the_database_says_how_far_each_node_is(
    node: Node, other: Node, server: PostgresServer
) -> None:
    sql = "SELECT node, revision FROM s3gw.replicas ORDER BY node"
    name = node.address.rpartition("/")[2]

    async def scenario() -> None:
        async with node.door() as here:
            async with node.following(), other.following():
                await put(here.coordination, "/a", b"")
                await until(lambda: server.run(sql, name) == "node-a|1\nnode-b|1")

    run(scenario())
