"""Durable queues in the database, for all machines of a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import monotonic
from typing import Any

from cluster.database.clock import ns_of
from cluster.database.committing import commit
from cluster.database.connecting import Connection, Database
from cluster.database.patience import PatientReader, patiently
from cluster.database.texts import comparable
from cluster.objects.edge import at_edge
from storage.outbox import Appends, Queue, Record, Waiting

# How long a request waits for the database.
PATIENCE_S = 40.0
# Of one transaction, which has to be over soon.
_MOST_RECORDS, _MOST_BYTES = 2_000, 4 << 20

_READ = """
SELECT id, at, body FROM s3gw.outbox_records WHERE box = $1 AND queue = $2 ORDER BY id LIMIT $3"""
_QUEUES = """
SELECT q.queue, q.records, q.bytes, oldest.at FROM s3gw.outbox_queues q
CROSS JOIN LATERAL (
    SELECT at FROM s3gw.outbox_records r
    WHERE r.box = q.box AND r.queue = q.queue ORDER BY id LIMIT 1) oldest
WHERE q.box = $1 AND q.records > 0 ORDER BY q.queue"""


class PostgresOutbox:
    """`Outbox` by the name `box`; a queue takes `limit_bytes`. Closes the database with itself. All
    raise `DatabaseUnavailable` when it is away for `patience_s`: then an append may be done."""

    def __init__(
        self, database: Database, box: str, *, limit_bytes: int, patience_s: float = PATIENCE_S
    ) -> None:
        self._database = database
        self._box = box
        self._limit_bytes = limit_bytes
        self._patience_s = patience_s
        self._reader = PatientReader(database, patience_s)
        self._appends = Appends(self._write)
        self.append = at_edge(self._appends.append)
        self.read = at_edge(self._read)
        self.drop = at_edge(self._drop)
        self.queues = at_edge(self._queues)

    async def checkpoint(self) -> None:
        """The database does that by itself."""

    async def close(self) -> None:
        await self._appends.close()
        await self._database.close()

    async def _read(self, queue: str, limit: int) -> list[Waiting]:
        rows: Any = await self._reader.rows(_READ, self._box, queue, limit)
        return [Waiting(number, ns_of(at), body) for number, at, body in rows]

    async def _drop(self, ids: Sequence[int]) -> None:
        async def drop(connection: Connection) -> None:
            sql = "SELECT s3gw.drop_records_1($1, $2)"
            await connection.execute(sql, self._box, list(ids))

        await self._commit(drop)

    async def _queues(self) -> list[Queue]:
        rows: Any = await self._reader.rows(_QUEUES, self._box)
        return [Queue(name, count, size, ns_of(at)) for name, count, size, at in rows]

    async def _write(self, records: Sequence[Record]) -> list[bool]:
        return [each for some in _portions(records) for each in await self._append(some)]

    async def _append(self, records: Sequence[Record]) -> list[bool]:
        taken: list[bool] = []

        async def append(connection: Connection) -> None:
            taken[:] = await connection.fetchval(
                "SELECT s3gw.append_records_1($1, $2, $3, $4)",
                self._box,
                [comparable(record.queue) for record in records],
                [record.body for record in records],
                self._limit_bytes,
            )

        await self._commit(append)
        return taken

    async def _commit(self, change: Callable[[Connection], Awaitable[None]]) -> None:
        until = monotonic() + self._patience_s

        async def work(connection: Connection) -> bool:
            await change(connection)
            return True

        await patiently(lambda: commit(self._database, work, until), until)


def _portions(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    portion: list[Record] = []
    size = 0
    for record in records:
        if portion and (len(portion) == _MOST_RECORDS or size + len(record.body) > _MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(record)
        size += len(record.body)
    if portion:
        yield portion
