"""Removal of what an unfinished adoption has brought."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cluster.adopting.blobs import Shared
from cluster.adopting.comparing import next_rows
from cluster.adopting.copying import unlimited
from cluster.adopting.ledger import Ledger, held_ledger
from cluster.adopting.source import named_blobs
from cluster.adopting.streams import OBJECTS, PARTS, VERSIONS, Stream
from cluster.database.connecting import Database
from storage import failpoints
from storage.errors import Corrupt
from storage.index.rows import Chunk, decode_part, decode_row

_PAGE = 500
_REMOVAL_S = 3600.0
_PARTS = """
DELETE FROM s3gw.parts WHERE upload IN (
    SELECT id FROM s3gw.uploads WHERE bucket BETWEEN $1 AND $2)"""
_TABLES = ("objects", "versions", "uploads", "completed", "renamed")


async def remove_copy(database: Database, ledger: Ledger, shared: Shared) -> None:
    """Take the blobs out of the shared folder that the copied rows name, then the rows away. Raises
    `DatabaseAway`, `DeviceFailed`, `AdoptionRefused`."""
    for stream in (OBJECTS, VERSIONS, PARTS):
        await _remove_blobs(database, ledger, stream, shared)
    failpoints.hit("adopt_after_removing_blobs")
    async with database.connection(_REMOVAL_S) as connection, connection.transaction():
        await unlimited(connection)
        await held_ledger(connection, ledger)
        buckets = ledger.first_bucket, ledger.last_bucket
        await connection.execute(_PARTS, *buckets)
        for table in _TABLES:
            sql = f"DELETE FROM s3gw.{table} WHERE bucket BETWEEN $1 AND $2"
            await connection.execute(sql, *buckets)
        await connection.execute("DELETE FROM s3gw.adoptions WHERE store = $1", ledger.store)


async def _remove_blobs(database: Database, ledger: Ledger, stream: Stream, shared: Shared) -> None:
    after = stream.begin
    while True:
        async with database.connection(_REMOVAL_S) as connection:
            rows = await next_rows(connection, ledger, stream, after, _PAGE)
        if not rows:
            return
        await asyncio.to_thread(_remove_all, shared, [_named(stream, row) for row in rows])
        after = stream.key_of(rows[-1])


def _remove_all(shared: Shared, blobs: Sequence[Sequence[Chunk]]) -> None:
    for some in blobs:
        for each in some:
            shared.remove(each)


def _named(stream: Stream, row: Sequence[Any]) -> list[Chunk]:
    try:
        if stream is PARTS:
            return named_blobs(decode_part(row[-1]), None)
        return named_blobs(decode_row(row[-2]), row[-1])
    except Corrupt:
        # Its blobs are not known, so they were not brought.
        return []
