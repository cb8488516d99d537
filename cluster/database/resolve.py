"""Outcome of a commit whose answer was lost."""

from __future__ import annotations

import asyncio
import uuid
from time import monotonic

import asyncpg

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway, OutcomeUnknown

_PAUSE_S = 0.25


async def resolve(database: Database, write_id: uuid.UUID, until: float) -> bool:
    """Return whether the transaction of that id was committed, for good; `until` is when to give
    up, by the monotonic clock. Raises `OutcomeUnknown`.

    The lock of the id is taken first: a transaction that still runs holds it. After that its row is
    there, or will never be. A row of its own is committed last: once a standby has that one, it has
    the other.
    """
    while True:
        try:
            async with database.connection() as connection, connection.transaction():
                await connection.fetchval("SELECT s3gw.begin_1()")
                await connection.fetchval("SELECT s3gw.lock_write_1($1)", write_id)
                sql = "SELECT EXISTS (SELECT 1 FROM s3gw.done WHERE id = $1)"
                found: bool = await connection.fetchval(sql, write_id)
                await connection.execute("INSERT INTO s3gw.done(id) VALUES ($1)", uuid.uuid4())
            return found
        except (DatabaseAway, asyncpg.PostgresError) as error:
            # Whatever is wrong: it says nothing about the commit, which may have been done.
            if monotonic() + _PAUSE_S > until:
                raise OutcomeUnknown(f"what became of a write is not known: {error}") from error
        await asyncio.sleep(_PAUSE_S)
