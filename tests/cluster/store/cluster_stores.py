"""Stores of a cluster for tests, on one database and one folder."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

from cluster.bytes.sweeping import Sweeper, Swept
from cluster.database.connecting import Database
from cluster.index.committing import Committer
from cluster.store import ClusterOptions, ClusterStore, Place
from storage.access_times import AccessTimes
from storage.blobs.folder import BlobFolder
from storage.capabilities import ALL_CAPABILITIES
from storage.clock import Clock
from storage.index.rows import Chunked, decode_manifest, decode_part, decode_row
from tests.cluster.postgres import PostgresServer
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock

T = TypeVar("T")

NODE = "node-1"
OPTIONS = ClusterOptions()
# What survives a power cut is tested elsewhere: here a folder in memory is as good and faster.
MEMORY = Path("/dev/shm")
_LONGEST_CALL_S = 60
# Cheaper than TRUNCATE where there are few rows.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 's3gw'
        AND tablename NOT IN ('schema_steps', 'entry_state', 'folder')
    LOOP EXECUTE 'DELETE FROM s3gw.' || name; END LOOP;
END $$"""


class TurnedClock:
    """A clock for stores that outlive a test: it shows what the clock of the test does."""

    def __init__(self) -> None:
        self.shown: Clock = FakeClock()

    def now_ns(self) -> int:
        return self.shown.now_ns()


@contextmanager
def empty_place(server: PostgresServer, database: str, node: str = NODE) -> Iterator[Place]:
    """A new database, and a new folder."""
    server.run(f"CREATE DATABASE {database}")
    with tempfile.TemporaryDirectory(
        prefix="s3gw-shared-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        yield Place(server.address(database), Path(folder), node)


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

    capabilities = ALL_CAPABILITIES

    def __init__(self, stores: Sequence[ClusterStore]) -> None:
        self.access_times = AccessTimes()
        self._turns = cycle(stores)

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._turns), name)


class AlternatingLater(Alternating):
    """Two stores, which are opened on the event loop that uses them."""

    def __init__(self, place: Place) -> None:
        super().__init__([])
        self._place = place
        self._stores: list[ClusterStore] = []

    async def open(self) -> None:
        self._stores = [await ClusterStore.open(self._place) for _ in range(2)]
        self._turns = cycle(self._stores)

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


class Keeper:
    """The test's own hands in the database of a place, and in its folder; on a loop in a thread, so
    that they can be used while a store is at work."""

    def __init__(self, place: Place) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._loop = asyncio.Runner()
        self._place = place
        self._database = Database(place.address, connections=1)
        self._run(self._database.open())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._loop.run, work).result(_LONGEST_CALL_S)

    def execute(self, sql: str, *values: Any) -> str:
        async def execute() -> str:
            async with self._database.connection() as connection:
                return await connection.execute(sql, *values)

        return self._run(execute())

    def rows(self, sql: str, *values: Any) -> list[Any]:
        async def fetch() -> list[Any]:
            async with self._database.connection() as connection:
                return await connection.fetch(sql, *values)

        return [tuple(row) for row in self._run(fetch())]

    def empty(self) -> None:
        """Remove all rows and blobs; nothing is read or written meanwhile."""
        self.execute(_EMPTY)
        for blob in (self._place.folder / "blobs").glob("*/*"):
            blob.unlink()

    def sweep(self, clock: Clock | None = None, *, orphan_kept_s: float = -1) -> Swept:
        """Remove all garbage now, however long it is kept, and what is in doubt; return what the
        last run did."""
        sweeper = Sweeper(
            self._database,
            Committer(self._database, clock=clock),
            BlobFolder(self._place.folder),
            self._place.node,
            clock=clock,
            orphan_kept_s=orphan_kept_s,
        )
        while True:
            self.execute("UPDATE s3gw.garbage SET not_before = clock_timestamp()")
            swept = self._run(sweeper.run_once())
            if not (swept.collected or swept.more):
                return swept

    def close(self) -> None:
        self._run(self._database.close())
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()


def named_blobs(keeper: Keeper) -> set[str]:
    """Every blob that a row names."""
    named: set[str] = set()
    for table in ("objects", "versions"):
        for encoded, payload in keeper.rows(f"SELECT row, payload FROM s3gw.{table}"):
            row = decode_row(encoded)
            named.update(blob for blob in (row.own_blob(),) if blob)
            if isinstance(row.location, Chunked):
                named.update(decode_manifest(payload).blobs())
    for (encoded,) in keeper.rows("SELECT row FROM s3gw.parts"):
        if (chunk := decode_part(encoded).chunk) is not None:
            named.add(chunk.blob)
    return named
