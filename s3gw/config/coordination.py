"""Opening of the coordination store that the configuration names.

One machine has it in a file of its first data folder. In a cluster it is in the database, and the
machine's replica of it, which is read, in the first data folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from cluster.coordination import Coordination
from cluster.coordination.embedded import FILE_NAME, EmbeddedCoordination
from s3gw.config.places import REPLICA, own_folder
from s3gw.config.schema import Config

T = TypeVar("T")


def coordination_path(config: Config) -> Path:
    """The file, or the folder of the replica."""
    return own_folder(config) / (REPLICA if config.cluster.database else FILE_NAME)


@asynccontextmanager
async def open_coordination(config: Config) -> AsyncIterator[Coordination]:
    """Open the store, which a server has prepared on this machine, for one event loop; it may be
    behind a cluster's database, but never behind what this machine has written."""
    if not config.cluster.database:
        with closing(EmbeddedCoordination(coordination_path(config))) as coordination:
            yield coordination
        return
    # The driver is an extra.
    from cluster.coordination.postgres import PostgresCoordination
    from cluster.coordination.replica import Replica
    from cluster.database.connecting import Database

    database = Database(config.cluster.database, connections=1)
    with closing(Replica(coordination_path(config))) as replica:
        try:
            yield PostgresCoordination(database, replica)
        finally:
            await database.close()


@asynccontextmanager
async def open_latest(config: Config) -> AsyncIterator[Coordination]:
    """As `open_coordination`, with all that is committed in the cluster. Raises
    `DatabaseUnavailable`."""
    async with open_coordination(config) as coordination:
        await coordination.catch_up()
        yield coordination


def with_coordination(config: Config, work: Callable[[Coordination], Awaitable[T]]) -> T:
    """Return what the work returns, from a process without an event loop."""

    async def run() -> T:
        async with open_latest(config) as coordination:
            return await work(coordination)

    return asyncio.run(run())
