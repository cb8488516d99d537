"""Copying of rows into the database.

Some twenty thousand rows are a transaction, with the last key in the ledger. What a process sent
before it was killed is there with its commit, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from cluster.adopting.ledger import Ledger, Place, held_ledger, write_place
from cluster.adopting.source import Source, SourceRow
from cluster.adopting.streams import STREAMS, Stream
from cluster.database.connecting import Connection, Database
from storage import failpoints

# What a crash may cost, and what the database keeps open.
TRANSACTION_ROWS = 20_000
_TRANSACTION_S = 3600.0

T = TypeVar("T")
Progress = Callable[[str, int], None]


async def copy_rows(
    database: Database,
    source: Source,
    ledger: Ledger,
    ids: Mapping[int, int],
    thread: ThreadPoolExecutor,
    progress: Progress,
    transaction_rows: int,
) -> Place:
    """Copy all rows that are not there yet; return the place at the end. Raises `DatabaseAway`,
    `Corrupt`, `DeviceFailed`, `AdoptionRefused`."""
    place = ledger.place
    while place.streams < len(STREAMS):
        stream = STREAMS[place.streams]
        batches = source.read(stream, ids, place.after, most=transaction_rows)
        with_next = _Ahead(batches, thread)
        while not with_next.is_over:
            async with database.connection(_TRANSACTION_S) as connection:
                place = await _copy_some(
                    connection, ledger, stream, with_next, place, transaction_rows
                )
            failpoints.hit("adopt_after_rows")
            progress(stream.table, place.rows)
    return place


async def _copy_some(
    connection: Connection, ledger: Ledger, stream: Stream, batches: _Ahead, place: Place, most: int
) -> Place:
    """Do one transaction."""
    async with connection.transaction():
        await unlimited(connection)
        await held_ledger(connection, ledger)
        done = place
        while done.rows < place.rows + most:
            batch = await batches.take()
            if batch is None:
                done = Place(place.streams + 1, None, done.rows)
                break
            records = [row.record[stream.unkept :] for row in batch]
            await connection.copy_records_to_table(
                stream.table, schema_name="s3gw", columns=stream.kept, records=records
            )
            done = Place(place.streams, batch[-1].key, done.rows + len(batch))
        await write_place(connection, ledger.store, done)
        failpoints.hit("adopt_inside_rows")
    return done


async def unlimited(connection: Connection) -> None:
    """Let this transaction take its time, whatever the server's limits are for others."""
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute("SELECT set_config($1, '0', true)", name)
    await connection.execute("SELECT set_config('lock_timeout', '30s', true)")


class _Ahead:
    """Batches; the next is read in the thread while one is sent."""

    def __init__(self, batches: Iterator[list[SourceRow]], thread: ThreadPoolExecutor) -> None:
        self._loop = asyncio.get_running_loop()
        self._read = partial(next, batches, None)
        self._thread = thread
        self._next = self._begin()
        self.is_over = False

    async def take(self) -> list[SourceRow] | None:
        batch = await self._next
        if batch is None:
            self.is_over = True
        else:
            self._next = self._begin()
        return batch

    def _begin(self) -> asyncio.Future[list[SourceRow] | None]:
        return self._loop.run_in_executor(self._thread, self._read)
