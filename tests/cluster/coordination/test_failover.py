"""Nodes over a failover of the database: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from cluster.coordination import Coordination
from tests.cluster.coordination.nodes import Node, put, until, until_revision, values
from tests.cluster.postgres import HOST, USER, replicated_pair
from tests.storage.event_loop import run

_BEFORE = 20


def test_both_nodes_follow_the_new_primary(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}

    async def write(coordination: Coordination, node: str, stop: asyncio.Event) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            key = f"/{node}/{number}"
            await put(coordination, key, b"x")
            acknowledged[key] = b"x"

    async def scenario(one: Node, two: Node) -> None:
        stop = asyncio.Event()
        async with one.door() as here, two.door() as there, one.following(), two.following():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write(here.coordination, "one", stop))
                tasks.create_task(write(there.coordination, "two", stop))
                await until(lambda: len(acknowledged) > _BEFORE)
                await asyncio.to_thread(primary.kill)
                await asyncio.to_thread(standby.run, "ALTER SYSTEM RESET synchronous_standby_names")
                await asyncio.to_thread(standby.promote)
                reached = len(acknowledged) + _BEFORE
                await until(lambda: len(acknowledged) > reached)
                stop.set()
            latest = max(here.coordination.revision(), there.coordination.revision())
            for door in (here, there):
                await until_revision(door.coordination, latest)
                assert await values(door.coordination) == acknowledged
                # Each was done once, and none was read again from the beginning.
                assert door.coordination.revision() == len(acknowledged)
                found = await door.coordination.changes("", 0)
                assert found is not None
                await until(door.replica.is_current)

    with replicated_pair() as (primary, standby):
        address = f"postgresql://{USER}@{HOST}:{primary.port},{HOST}:{standby.port}/postgres"
        run(scenario(Node(address, tmp_path / "one"), Node(address, tmp_path / "two")))
