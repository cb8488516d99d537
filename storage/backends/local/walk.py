"""Iteration over all rows of an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
from msgspec import Struct

from storage.index.rows import (
    Chunk,
    Chunked,
    Manifest,
    PartRow,
    Row,
    Single,
    decode_manifest,
    decode_part,
    decode_row,
)

_PAGE = 500
_OBJECTS = """
SELECT o.bucket, o.name, o.row, p.data, b.name FROM objects o
LEFT JOIN payloads p ON p.id = o.payload LEFT JOIN buckets b ON b.id = o.bucket
WHERE (o.bucket, o.name) > (?, ?) ORDER BY o.bucket, o.name LIMIT ?"""
_VERSIONS = """
SELECT o.bucket, o.name, o.row, p.data, b.name, o.age, o.version FROM versions o
LEFT JOIN payloads p ON p.id = o.payload LEFT JOIN buckets b ON b.id = o.bucket
WHERE (o.bucket, o.name, o.age) > (?, ?, ?) ORDER BY o.bucket, o.name, o.age LIMIT ?"""
_PARTS = (
    "SELECT upload, number, row FROM parts WHERE (upload, number) > (?, ?) ORDER BY 1, 2 LIMIT ?"
)


class Found(Struct, frozen=True):
    """A version as the index has it. `bucket` is empty when the index has no such bucket; `age` is
    None of a row in `objects`, `version` the id that the table says."""

    key: int
    bucket: str
    name: str
    row: Row
    payload: bytes | None
    age: int | None = None
    version: str = ""

    def manifest(self) -> Manifest | None:
        chunked = isinstance(self.row.location, Chunked) and self.payload is not None
        return decode_manifest(self.payload) if chunked and self.payload else None

    def chunks(self) -> list[Chunk]:
        """The blobs that hold its bytes."""
        if isinstance(self.row.location, Single):
            return [self.row.location.chunk]
        manifest = self.manifest()
        return [part.chunk for part in manifest.parts if part.chunk] if manifest else []

    def sidecar(self) -> str | None:
        return self.row.location.sidecar if isinstance(self.row.location, Chunked) else None


def objects_of(connection: apsw.Connection) -> Iterator[Found]:
    """Current versions, in pages, so that no snapshot is held while someone reads the bytes."""
    last: tuple[int, bytes] = (-1, b"")
    while rows := _page(connection, _OBJECTS, last):
        for key, name, row, payload, bucket in rows:
            yield Found(key, bucket or "", name.decode(), decode_row(row), payload)
        last = rows[-1][:2]


def versions_of(connection: apsw.Connection) -> Iterator[Found]:
    """All other versions and all delete markers, of each name the newest first; in pages too."""
    last: tuple[int, bytes, int] = (-1, b"", 0)
    while rows := _page(connection, _VERSIONS, last):
        for key, name, row, payload, bucket, age, version in rows:
            yield Found(key, bucket or "", name.decode(), decode_row(row), payload, age, version)
        last = (*rows[-1][:2], rows[-1][5])


def usage_of(connection: apsw.Connection) -> dict[int, tuple[int, int]]:
    """Objects and bytes of each bucket id: every version that is not a delete marker."""
    counted: dict[int, tuple[int, int]] = {}
    rows: Any = connection.execute(
        "SELECT bucket, row FROM objects UNION ALL SELECT bucket, row FROM versions"
    )
    for bucket, encoded in rows:
        row = decode_row(encoded)
        if not row.delete_marker:
            objects, size = counted.get(bucket, (0, 0))
            counted[bucket] = objects + 1, size + row.size
    return counted


def parts_of(connection: apsw.Connection) -> Iterator[tuple[str, PartRow]]:
    """Parts of unfinished uploads, with the upload's id."""
    last: tuple[str, int] = ("", 0)
    while rows := _page(connection, _PARTS, last):
        for upload, _, row in rows:
            yield upload, decode_part(row)
        last = rows[-1][:2]


def _page(connection: apsw.Connection, sql: str, last: tuple[Any, ...]) -> Any:
    return connection.execute(sql, (*last, _PAGE)).fetchall()
