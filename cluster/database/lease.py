"""Lease of a connection: the time for which its reads are up to date.

A primary that was cut off, while its standby was promoted, still answers reads, and says that it
takes writes. It cannot commit, when commits wait for that standby. So a connection is used only
once a commit on it has succeeded, and what it reads counts when a commit that was begun at most
`LEASE_S` earlier, or any later one, has succeeded. A primary that was cut off for as long is not
read any more when its standby is promoted.

The commit is that of a message in the server's log, which no table keeps. Where a pooler is in
between, the connection behind it may be another one each time, and nothing is proved.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import asyncpg

from cluster.database.errors import DatabaseAway

LEASE_S = 5.0
# Longest time of a commit that proves it.
PROOF_S = 5.0

_MESSAGE = "SELECT pg_logical_emit_message(true, 's3gw', '')"


class LeasedConnection(asyncpg.Connection):
    """`proved_s` is when the last commit on it was begun that has succeeded, by the monotonic
    clock."""

    __slots__ = ("proved_s",)

    proved_s: float

    def note(self, begun_s: float) -> None:
        self.proved_s = begun_s


def note_commit(connection: Any, begun_s: float) -> None:
    """Note that a commit has succeeded, and when it was begun."""
    connection.note(begun_s)


async def prove(connection: Any, within_s: float) -> None:
    """Commit. A connection that does not get that done in time is closed: to cancel the statement
    would let the server say that it has committed. Raises `DatabaseAway`, and what the connection
    raises."""
    begun_s = monotonic()
    committing = asyncio.ensure_future(connection.execute(_MESSAGE))
    try:
        done, _ = await asyncio.wait((committing,), timeout=within_s)
    finally:
        if not committing.done():
            connection.terminate()
            await asyncio.gather(committing, return_exceptions=True)
    if not done:
        raise DatabaseAway("a commit was not answered: it may wait for a synchronous standby")
    committing.result()
    note_commit(connection, begun_s)


async def confirm(connection: Any, lease_s: float) -> None:
    """Return if what the connection has read so far was up to date. Raises as `prove` does."""
    if monotonic() - connection.proved_s > lease_s:
        await prove(connection, PROOF_S)
