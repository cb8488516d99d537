"""Reading of the database's log of entries into a node's replica."""

from __future__ import annotations

from typing import Any, TypeAlias

import asyncpg
from msgspec import Struct

from cluster.coordination import Entry
from cluster.coordination.replica import LoggedWrite, Position, Replica
from cluster.database.connecting import Connection

# A pooled connection, or a direct one.
AnyConnection: TypeAlias = "Connection | asyncpg.Connection[asyncpg.Record]"

# Revisions that are read and applied together: at most 64 MiB, commonly some kilobytes.
_REVISIONS = 64
# The limits are for the planner, which would take both tables for large ones, and compile the
# statement for a quarter of a second.
_LOG = """
SELECT c.id AS cluster, s.revision AS newest, s.compacted, s.write AS newest_write,
    (SELECT k.write FROM s3gw.entry_log k WHERE k.revision = $1 LIMIT 1) AS known_write,
    l.revision, l.key, l.value, l.write
FROM (SELECT * FROM s3gw.cluster LIMIT 1) c
CROSS JOIN (SELECT * FROM s3gw.entry_state LIMIT 1) s
LEFT JOIN s3gw.entry_log l ON l.revision > $1 AND l.revision <= $1 + $2
ORDER BY l.revision, l.key
"""
_POSITION = "SELECT c.id, s.revision, s.write FROM s3gw.cluster c, s3gw.entry_state s"


class _Head(Struct, frozen=True):
    """The latest position of the database, what it has forgotten, and the write that it has at the
    revision of the replica."""

    newest: Position
    compacted: int
    known_write: bytes | None


async def catch_up(connection: AnyConnection, replica: Replica) -> None:
    """Bring the replica to a revision that is the latest at some moment of the call. Raises what
    the connection raises, and the replica's errors."""
    while not await _step(connection, replica):
        pass


async def _step(connection: AnyConnection, replica: Replica) -> bool:
    """Return whether the replica has what was the latest."""
    base = await replica.position()
    head, writes, end = await _read(connection, base)
    if base == head.newest:
        return True
    if _continues(base, head) and writes:
        return await replica.apply(base, writes, end) and end == head.newest
    if _is_foreign(base, head):
        # Readers here know revisions that the database has not, perhaps under the same numbers.
        await connection.execute("SELECT s3gw.leap_entries_1($1)", base.revision)
    return await replica.reload(base, *await read_all(connection))


async def read_all(connection: AnyConnection) -> tuple[list[Entry], Position]:
    """Return all entries, and the position that they are of."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found: Any = await connection.fetchrow(_POSITION)
        rows = await connection.fetch("SELECT key, value, mod_revision FROM s3gw.entries")
    entries = [Entry(row["key"].decode(), row["value"], row["mod_revision"]) for row in rows]
    return entries, Position(found["id"].bytes, found["revision"], found["write"].bytes)


def _is_foreign(base: Position, head: _Head) -> bool:
    """Whether the replica has revisions that the database does not have; it is not at the newest
    position."""
    if not base.cluster:
        return False
    if base.cluster != head.newest.cluster or base.revision >= head.newest.revision:
        return True
    return base.revision > head.compacted and not _continues(base, head)


def _continues(base: Position, head: _Head) -> bool:
    """Whether the log that begins after the replica's revision is of the same history."""
    if base.cluster != head.newest.cluster:
        return False
    if base.revision == 0:
        return head.compacted == 0
    return base.revision > head.compacted and base.write == head.known_write


async def _read(
    connection: AnyConnection, base: Position
) -> tuple[_Head, list[LoggedWrite], Position]:
    """Return the head, the writes of the next revisions, and the position at their end."""
    rows: Any = await connection.fetch(_LOG, base.revision, _REVISIONS)
    first = rows[0]
    cluster = first["cluster"].bytes
    known = first["known_write"]
    head = _Head(
        Position(cluster, first["newest"], first["newest_write"].bytes),
        first["compacted"],
        None if known is None else known.bytes,
    )
    found = [row for row in rows if row["revision"] is not None]
    writes = [LoggedWrite(row["revision"], row["key"], row["value"]) for row in found]
    end = Position(cluster, found[-1]["revision"], found[-1]["write"].bytes) if found else base
    return head, writes, end
