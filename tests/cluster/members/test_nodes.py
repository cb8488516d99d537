"""The map of the nodes: every change has a version, and no two are lost in one another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.coordination import Put
from cluster.coordination.memory import MemoryCoordination
from cluster.maintenance import until as stopped_by
from cluster.members.announcing import Announcement
from cluster.members.nodes import ClusterMap, Members, NodeFacts
from storage.errors import DatabaseUnavailable
from tests.cluster.coordination.nodes import Door, Node, new_database, until
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.event_loop import run

A, B = NodeFacts("http://10.0.0.1:8080"), NodeFacts("http://10.0.0.2:8080", workers=4)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


def names(found: ClusterMap) -> list[str]:
    return [node.name for node in found.nodes]


def test_the_version_rises_with_each_change_and_only_then() -> None:
    async def scenario() -> None:
        members = Members(MemoryCoordination())
        seen = [(await members.refresh()).version]
        for _ in range(2):
            await members.announce("b", B)
            seen.append(members.map.version)
        await members.announce("a", A)
        seen.append(members.map.version)
        for _ in range(2):
            await members.lead("a")
            seen.append(members.map.version)
        await members.mark(missing=frozenset({"b"}))
        seen.append(members.map.version)
        await members.announce("b", A)
        seen.append(members.map.version)
        await members.withdraw("b")
        seen.append(members.map.version)
        assert seen == [0, 1, 1, 2, 3, 3, 4, 5, 6]

    run(scenario())


def test_a_map_says_who_leads_and_who_is_missing() -> None:
    async def scenario() -> None:
        coordination = MemoryCoordination()
        writer, reader = Members(coordination), Members(coordination)
        await writer.announce("b", B)
        await writer.announce("a", A)
        await writer.lead("b")
        await writer.mark(missing=frozenset({"a"}))
        found = await reader.refresh()
        assert (names(found), found.leader) == (["a", "b"], "b")
        assert [node.is_missing for node in found.nodes] == [True, False]
        assert [node.facts for node in found.nodes] == [A, B]
        await writer.announce("a", B)
        assert (await reader.refresh()).nodes[0].is_missing
        await writer.mark(gone=frozenset({"a"}))
        assert names(await reader.refresh()) == ["b"]

    run(scenario())


def test_an_entry_that_cannot_be_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """One of another version, or damaged: the others are listed still."""

    async def scenario() -> None:
        coordination = MemoryCoordination()
        members = Members(coordination)
        await members.announce("a", A)
        await coordination.transact([], [Put("/cluster/members/nodes/b", b"[]")])
        assert names(await members.refresh()) == ["a"]

    run(scenario())
    assert any("cannot be read" in record.message for record in caplog.records)


async def at_once(doors: list[Door]) -> None:
    members = [Members(door.coordination) for door in doors]
    await asyncio.gather(
        *(each.announce(f"node-{number}", A) for number, each in enumerate(members))
    )
    for each in members:
        await until_version(each, len(doors))
        assert names(each.map) == [f"node-{number}" for number in range(len(doors))]


async def until_version(members: Members, version: int) -> None:
    async with asyncio.timeout(20):
        while (await members.refresh()).version < version:  # noqa: ASYNC110, others write it
            await asyncio.sleep(0.01)


def test_nodes_that_begin_at_the_same_time_are_all_in_the_map(
    server: PostgresServer, tmp_path: Path
) -> None:
    address = new_database(server)
    one, two, three = (Node(address, tmp_path / f"node-{number}") for number in range(3))

    async def scenario() -> None:
        async with one.door() as a, two.door() as b, three.door() as c:
            async with one.following(), two.following(), three.following():
                await at_once([a, b, c])

    run(scenario())


def test_a_node_is_in_the_map_as_long_as_it_runs_and_comes_back_when_it_was_taken_out() -> None:
    async def scenario() -> None:
        coordination = MemoryCoordination()
        members, stop = Members(coordination), asyncio.Event()
        other = Members(coordination)
        announcement = Announcement(members, "a", A)
        running = asyncio.create_task(announcement.run(stopped_by(stop)))
        await until_version(other, 1)
        assert names(other.map) == ["a"]
        await other.mark(gone=frozenset({"a"}))
        await until_version(other, 3)
        assert names(other.map) == ["a"]
        stop.set()
        await running
        assert names(await other.refresh()) == []

    run(scenario())


class Away(MemoryCoordination):
    """A store that cannot be written to."""

    async def transact(self, *_: object) -> int | None:
        raise DatabaseUnavailable("no server")


def test_a_database_that_is_away_keeps_no_process_from_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        announcement = Announcement(Members(Away()), "a", A)
        running = asyncio.create_task(announcement.run(stopped_by(stop)))
        await until(lambda: bool(caplog.records))
        stop.set()
        await running

    with caplog.at_level(logging.WARNING, "cluster"):
        run(scenario())
    assert [record.message for record in caplog.records] == ["this node cannot be announced"]
