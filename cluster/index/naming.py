"""Blobs that the index names, as their labels say."""

from __future__ import annotations

from typing import Any

from cluster.database.connecting import Connection
from cluster.index.transaction import name_lock
from storage.blobs.labels import Label, PartLabel
from storage.index.rows import Chunked, Row, decode_manifest, decode_part, decode_row

# A bucket whose label is its name has no row in `labels`; one in the trash always has.
_BUCKET = """
SELECT bucket FROM s3gw.labels WHERE label = $1
UNION ALL
SELECT id FROM s3gw.buckets WHERE name = $1 AND id NOT IN (SELECT bucket FROM s3gw.labels)"""
# One statement: an object could be renamed between two.
_VERSIONS = """
WITH place AS (
    SELECT $2::bytea AS name UNION
    SELECT name FROM s3gw.renamed WHERE bucket = $1 AND label = $2)
SELECT place.name, o.row, o.payload FROM place
JOIN s3gw.objects o ON o.bucket = $1 AND o.name = place.name
UNION ALL
SELECT place.name, v.row, v.payload FROM place
JOIN s3gw.versions v ON v.bucket = $1 AND v.name = place.name"""


async def names_blob(connection: Connection, label: Label, blob: str) -> bool:
    """Return whether the index knows the blob as what its label says, in the caller's transaction.
    It waits for a transaction that is about to name it: that holds the lock of the name."""
    bucket: int | None = await connection.fetchval(_BUCKET, label.bucket)
    if bucket is None:
        return False
    name = label.name.encode()
    await connection.fetch("SELECT s3gw.hold_1($1, $2)", bucket, [name_lock(bucket, name)])
    if isinstance(label, PartLabel) and await _is_part(connection, label, blob):
        return True
    rows: Any = await connection.fetch(_VERSIONS, bucket, name)
    for place, encoded, payload in rows:
        row = decode_row(encoded)
        if (row.label.encode() or place) != name:
            continue
        if row.own_blob() == blob or blob in _chunks(row, payload):
            return True
    return False


def _chunks(row: Row, payload: bytes | None) -> list[str]:
    if not isinstance(row.location, Chunked) or payload is None:
        return []
    return decode_manifest(payload).blobs()


async def _is_part(connection: Connection, label: PartLabel, blob: str) -> bool:
    sql = "SELECT row FROM s3gw.parts WHERE upload = $1 AND number = $2"
    row: bytes | None = await connection.fetchval(sql, label.upload, label.part.info.number)
    chunk = None if row is None else decode_part(row).chunk
    return chunk is not None and chunk.blob == blob
