"""The leader marks nodes by their news: missing, back, gone; and waits after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cluster.maintenance import until as stopped_by
from cluster.members.nodes import Members, NodeFacts
from cluster.members.watching import Watch
from tests.cluster.coordination.nodes import Door, Node, new_database, until
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.event_loop import run

FACTS = NodeFacts("http://10.0.0.1:8080")
_NEWS = """
INSERT INTO s3gw.replicas VALUES ($1, 0, clock_timestamp() - make_interval(secs => $2))
ON CONFLICT (node) DO UPDATE SET seen = excluded.seen
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


class Clock:
    def __init__(self) -> None:
        self.ns = 10**9

    def __call__(self) -> int:
        return self.ns

    def forward(self, seconds: float) -> None:
        self.ns += int(seconds * 10**9)


class Ticking(Clock):
    """A second passes from one look to the next."""

    def __call__(self) -> int:
        self.forward(1)
        return self.ns


class Scene:
    """A leader that looks when the test says so, and nodes whose news are as old as it says."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.clock = Clock()
        self.members = Members(door.coordination)
        self.watch = Watch(door.database, self.members, "a", now_ns=self.clock)

    async def heard(self, **ages: float) -> None:
        """News of nodes, that many seconds ago."""
        async with self.door.database.connection() as connection:
            for name, age_s in ages.items():
                await connection.execute(_NEWS, name, age_s)

    async def look(self, times: int = 1, *, every_s: float = 1) -> None:
        for _ in range(times):
            self.clock.forward(every_s)
            await self.watch.look()

    @property
    def states(self) -> dict[str, bool]:
        """Whether each node of the map is missing."""
        return {node.name: node.is_missing for node in self.members.map.nodes}


@asynccontextmanager
async def scene(server: PostgresServer, folder: Path) -> AsyncIterator[Scene]:
    async with Node(new_database(server), folder / "node").door() as door:
        made = Scene(door)
        for name in "abc":
            await made.members.announce(name, FACTS)
        await made.heard(a=0, b=0, c=0)
        yield made


def test_a_node_without_news_is_missing_until_it_is_back(
    server: PostgresServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with scene(server, tmp_path) as at:
            await at.look(12)
            await at.heard(a=0, b=9, c=11)
            await at.look()
            assert at.states == {"a": False, "b": False, "c": True}
            await at.heard(c=0)
            await at.look()
            assert at.states == {"a": False, "b": False, "c": False}

    run(scenario())


def test_a_node_that_is_missing_for_long_is_not_listed_and_not_remembered(
    server: PostgresServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with scene(server, tmp_path) as at:
            await at.look(12)
            await at.heard(b=599, c=601)
            await at.look()
            assert at.states == {"a": False, "b": True}
            async with at.door.database.connection() as connection:
                rows = await connection.fetch("SELECT node FROM s3gw.replicas ORDER BY node")
            assert [row["node"] for row in rows] == ["a", "b"]

    run(scenario())


@pytest.mark.parametrize("outage_s", [5, 1000])
def test_after_an_outage_nodes_have_time_to_write(
    server: PostgresServer, tmp_path: Path, outage_s: float
) -> None:
    """Nobody is missing or gone because nobody could write."""

    async def scenario() -> None:
        async with scene(server, tmp_path) as at:
            await at.look(12)
            await at.heard(a=outage_s, b=outage_s + 10, c=outage_s + 10)
            await at.look(every_s=outage_s)
            assert at.states == {"a": False, "b": False, "c": False}
            await at.heard(a=0, b=0)
            await at.look(9)
            assert at.states == {"a": False, "b": False, "c": False}
            await at.look(2)
            assert at.states.get("c", True)
            assert (at.states["a"], at.states["b"]) == (False, False)

    run(scenario())


def test_who_has_just_begun_to_watch_waits_too(server: PostgresServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(server, tmp_path) as at:
            await at.heard(c=100)
            await at.look(10)
            assert not any(at.states.values())
            await at.look(2)
            assert at.states == {"a": False, "b": False, "c": True}

    run(scenario())


def test_a_node_that_never_wrote_is_missing_after_the_same_time(
    server: PostgresServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with scene(server, tmp_path) as at:
            await at.look(20)
            await at.members.announce("d", FACTS)
            await at.look(10)
            assert not at.states["d"]
            await at.look(2)
            assert at.states["d"]

    run(scenario())


def test_the_map_says_who_leads_and_marks_by_real_news(
    server: PostgresServer, tmp_path: Path
) -> None:
    """A node that follows the log is not missing; one that only announced itself is, at last."""
    address = new_database(server)
    node, other = Node(address, tmp_path / "a"), Node(address, tmp_path / "b")

    async def scenario() -> None:
        async with node.door() as here, node.following(), other.following():
            members = Members(here.coordination)
            for name in "abc":
                await members.announce(name, FACTS)
            watch = Watch(here.database, members, "a", look_s=0.05, now_ns=Ticking())
            stop = asyncio.Event()
            running = asyncio.create_task(watch.run(stopped_by(stop)))
            await until(lambda: members.map.leader == "a")

            def is_missing() -> bool:
                return [each.is_missing for each in members.map.nodes] == [False, False, True]

            await until(is_missing)
            stop.set()
            await running

    run(scenario())
