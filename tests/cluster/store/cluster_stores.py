"""Stores of a cluster for tests: on an empty database, and a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from cluster.bytes.sweeping import Sweeper
from cluster.database.connecting import Database
from cluster.index.committing import Committer
from cluster.store import ClusterOptions, ClusterStore, Place
from storage.blobs.folder import BlobFolder
from storage.clock import Clock
from tests.cluster.postgres import PostgresServer
from tests.storage.event_loop import run

NODE = "node-1"
OPTIONS = ClusterOptions()
_TABLES = """
SELECT coalesce('TRUNCATE ' || string_agg('s3gw.' || tablename, ', ') || ' RESTART IDENTITY', '')
FROM pg_tables WHERE schemaname = 's3gw' AND tablename NOT IN ('schema_steps', 'entry_state')"""


def empty_place(server: PostgresServer, folder: Path, node: str = NODE) -> Place:
    """Remove all rows that an earlier test left."""
    place = Place(server.address(), folder, node)
    run(_execute(place, "", _TABLES))
    return place


@contextmanager
def cluster_store(
    place: Place, clock: Clock | None = None, options: ClusterOptions = OPTIONS
) -> Iterator[ClusterStore]:
    store = run(ClusterStore.open(place, clock=clock, options=options))
    try:
        yield store
    finally:
        run(store.close())


class Alternating:
    """Several stores of one cluster as one: each call goes to the next of them."""

    def __init__(self, stores: Sequence[ClusterStore]) -> None:
        self.capabilities = stores[0].capabilities
        self._turns = cycle(stores)

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._turns), name)


def sweep(place: Place) -> None:
    """Remove all garbage now, however long it is kept, and all that is in doubt."""
    run(_sweep(place))


async def _sweep(place: Place) -> None:
    database = Database(place.address, connections=1)
    sweeper = Sweeper(
        database, Committer(database), BlobFolder(place.folder), place.node, orphan_kept_s=-1
    )
    try:
        while (await sweeper.run_once()).more or await _hurry(database):
            pass
    finally:
        await database.close()


async def _hurry(database: Database) -> bool:
    """Whether there is garbage, which is due from now on."""
    async with database.connection() as connection:
        done = await connection.execute("UPDATE s3gw.garbage SET not_before = clock_timestamp()")
    return bool(done != "UPDATE 0")


async def _execute(place: Place, sql: str, made_by: str = "") -> None:
    database = Database(place.address, connections=1)
    try:
        await database.open()
        async with database.connection() as connection:
            await connection.execute(await connection.fetchval(made_by) if made_by else sql)
    finally:
        await database.close()
