"""Nodes of a cluster: a replica each, on one database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from cluster.coordination import KEPT_REVISIONS, Coordination, Put
from cluster.coordination.following import POLL_S, Follower
from cluster.coordination.node_note import BootClock, boot_clock
from cluster.coordination.postgres import PostgresCoordination
from cluster.coordination.replica import Replica, prepare_replica
from cluster.database.connecting import Database
from cluster.maintenance import until as stopped_by
from tests.cluster.postgres import PostgresServer

_NUMBERS = itertools.count()
_PAUSE_S = 0.005
# A node sees within a second what another one wrote; the rest is for a slow machine.
PATIENCE_S = 20


def new_database(server: PostgresServer, template: str = "template1") -> str:
    """Create a database of the test's own, and return its address."""
    name = f"test_{next(_NUMBERS)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.address(name)


class Door:
    """What one process of a node has open."""

    def __init__(
        self,
        address: str,
        folder: Path,
        *,
        kept: int = KEPT_REVISIONS,
        now_ns: BootClock = boot_clock,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.database = Database(address, connections=2)
        self.replica = Replica(folder, kept_revisions=kept, now_ns=now_ns)
        self.coordination = PostgresCoordination(
            self.database, self.replica, kept_revisions=kept, patience_s=patience_s
        )

    async def open(self) -> None:
        """Open it, and catch up, as each process does at its start."""
        await self.database.open()
        await self.coordination.catch_up()

    async def close(self) -> None:
        await self.database.close()
        self.replica.close()


class Node:
    """A machine: a folder with a replica, and processes. `direct` is where it follows the log, if
    `address` leads to a pooler."""

    def __init__(self, address: str, folder: Path, direct: str = "") -> None:
        self.address = address
        self.direct = direct or address
        self.folder = folder
        prepare_replica(folder)

    @asynccontextmanager
    async def door(
        self,
        *,
        kept: int = KEPT_REVISIONS,
        now_ns: BootClock = boot_clock,
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[Door]:
        door = Door(self.address, self.folder, kept=kept, now_ns=now_ns, patience_s=patience_s)
        try:
            await door.open()
            yield door
        finally:
            await door.close()

    @asynccontextmanager
    async def following(
        self, *, poll_s: float = POLL_S, now_ns: BootClock = boot_clock
    ) -> AsyncIterator[None]:
        """Follow the log, as one process of the node does."""
        stop = asyncio.Event()
        replica = Replica(self.folder, now_ns=now_ns)
        follower = Follower(self.direct, replica, self.folder.name, poll_s=poll_s)
        running = asyncio.create_task(follower.run(stopped_by(stop)))
        try:
            yield
        finally:
            stop.set()
            await running
            replica.close()


async def until(check: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110, another process or thread does it
            await asyncio.sleep(_PAUSE_S)


async def until_revision(coordination: Coordination, revision: int) -> None:
    """Wait until that revision, or a later one, can be read."""
    await until(lambda: coordination.revision() >= revision)


async def put(coordination: Coordination, key: str, value: bytes) -> int:
    done = await coordination.transact([], [Put(key, value)])
    assert done is not None
    return done


async def values(coordination: Coordination, prefix: str = "") -> dict[str, bytes]:
    entries, _ = await coordination.range(prefix)
    return {entry.key: entry.value for entry in entries}
