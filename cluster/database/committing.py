"""Commits to the database that are never guessed.

A transaction whose connection breaks before its COMMIT was sent has done nothing. When the answer
to a COMMIT is lost, the server may have done it: then `resolve` finds out.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from time import monotonic

import asyncpg

from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseAway
from cluster.database.lease import note_commit
from cluster.database.resolve import resolve

# A transaction commits within this time of its beginning, by the database's clock, or not at all.
ATTEMPT_S = 1.5
# Another transaction was in the way, or this one was too slow: nothing was done.
_AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
_TOO_LATE = "S3001"


class _AnswerLost(Exception):
    """The COMMIT was sent, and the connection broke before its answer."""

    def __init__(self, write_id: uuid.UUID) -> None:
        super().__init__(str(write_id))
        self.write_id = write_id


async def commit(
    database: Database, work: Callable[[Connection], Awaitable[bool]], until: float
) -> None:
    """Do work in one transaction and commit it; it returns whether it has written. Raises what it
    raises, `DatabaseAway` when nothing was done, and `OutcomeUnknown`."""
    try:
        async with database.connection() as connection:
            await _commit(database, connection, work)
    except _AnswerLost as lost:
        if not await resolve(database, lost.write_id, until):
            raise DatabaseAway("the connection broke, and nothing was committed") from lost


async def _commit(
    database: Database, connection: Connection, work: Callable[[Connection], Awaitable[bool]]
) -> None:
    write_id = uuid.uuid4()
    await connection.execute("BEGIN")
    try:
        has_written = await work(connection)
        if has_written:
            finish = "SELECT s3gw.finish_1($1, now() + make_interval(secs => $2))"
            await connection.execute(finish, write_id, ATTEMPT_S)
    except BaseException as error:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        if isinstance(error, _AGAIN) or getattr(error, "sqlstate", "") == _TOO_LATE:
            raise DatabaseAway(str(error)) from error
        if isinstance(error, Exception) and not connection.is_closed():
            # A refusal is what was read.
            await database.confirm(connection)
        raise
    begun_s = monotonic()
    try:
        await connection.execute("COMMIT")
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ) as error:
        if has_written:
            raise _AnswerLost(write_id) from error
        raise
    if has_written:
        note_commit(connection, begun_s)
    else:
        await database.confirm(connection)
