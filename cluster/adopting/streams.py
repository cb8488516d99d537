"""Tables of an index, each with the order that its rows are copied in.

Both indexes have the same columns but for payloads, in a table of their own in SQLite, and for the
column that says that a version is a delete marker. Statements give the columns of the copy, after
those that only order them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

# Of integers, texts and bytes.
Key = tuple[Any, ...]

_LEAST_AGE = -(1 << 63)


class Stream(Struct, frozen=True):
    """`columns` are what the statements give; the copy leaves the first `unkept` out. `key` and
    `bucket` are positions in them. `begin` is before every key of SQLite's rows; `target` takes the
    key to continue after, the least and the greatest bucket, and how many."""

    table: str
    columns: Sequence[str]
    key: Sequence[int]
    begin: Key
    source: str
    target: str
    bucket: int = 0
    unkept: int = 0

    def key_of(self, row: Sequence[Any]) -> Key:
        return tuple(row[at] for at in self.key)

    @property
    def kept(self) -> list[str]:
        return list(self.columns[self.unkept :])


OBJECTS = Stream(
    table="objects",
    columns=("bucket", "name", "row", "payload"),
    key=(0, 1),
    begin=(-1, b""),
    source="""
SELECT o.bucket, o.name, o.row, p.data FROM objects o LEFT JOIN payloads p ON p.id = o.payload
WHERE (o.bucket, o.name) > (?, ?) ORDER BY o.bucket, o.name""",
    target="""
SELECT bucket, name, row, payload FROM s3gw.objects
WHERE (bucket, name) > ($1, $2) AND bucket BETWEEN $3 AND $4 ORDER BY bucket, name LIMIT $5""",
)
VERSIONS = Stream(
    table="versions",
    columns=("bucket", "name", "age", "version", "marker", "row", "payload"),
    key=(0, 1, 2),
    begin=(-1, b"", _LEAST_AGE),
    source="""
SELECT v.bucket, v.name, v.age, v.version, 0, v.row, p.data FROM versions v
LEFT JOIN payloads p ON p.id = v.payload
WHERE (v.bucket, v.name, v.age) > (?, ?, ?) ORDER BY v.bucket, v.name, v.age""",
    target="""
SELECT bucket, name, age, version, marker, row, payload FROM s3gw.versions
WHERE (bucket, name, age) > ($1, $2, $3) AND bucket BETWEEN $4 AND $5
ORDER BY bucket, name, age LIMIT $6""",
)
MARKER = VERSIONS.columns.index("marker")
UPLOADS = Stream(
    table="uploads",
    columns=("bucket", "name", "id", "row"),
    key=(0, 1, 2),
    begin=(-1, b"", ""),
    source="""
SELECT bucket, name, id, row FROM uploads
WHERE (bucket, name, id) > (?, ?, ?) ORDER BY bucket, name, id""",
    target="""
SELECT bucket, name, id, row FROM s3gw.uploads
WHERE (bucket, name, id) > ($1, $2, $3) AND bucket BETWEEN $4 AND $5
ORDER BY bucket, name, id LIMIT $6""",
)
PARTS = Stream(
    table="parts",
    columns=("bucket", "name", "upload", "number", "row"),
    key=(0, 1, 2, 3),
    begin=(-1, b"", "", -1),
    source="""
SELECT u.bucket, u.name, u.id, p.number, p.row FROM uploads u CROSS JOIN parts p ON p.upload = u.id
WHERE (u.bucket, u.name, u.id) >= (?1, ?2, ?3)
AND (u.bucket, u.name, u.id, p.number) > (?1, ?2, ?3, ?4)
ORDER BY u.bucket, u.name, u.id, p.number""",
    target="""
SELECT u.bucket, u.name, u.id, p.number, p.row
FROM s3gw.uploads u JOIN s3gw.parts p ON p.upload = u.id
WHERE (u.bucket, u.name, u.id) >= ($1, $2, $3)
AND (u.bucket, u.name, u.id, p.number) > ($1, $2, $3, $4) AND u.bucket BETWEEN $5 AND $6
ORDER BY u.bucket, u.name, u.id, p.number LIMIT $7""",
    unkept=2,
)
COMPLETED = Stream(
    table="completed",
    columns=("upload", "bucket", "name", "time", "row"),
    key=(0,),
    begin=("",),
    source="SELECT upload, bucket, name, time, row FROM completed WHERE upload > ? ORDER BY upload",
    target="""
SELECT upload, bucket, name, time, row FROM s3gw.completed
WHERE upload > $1 AND bucket BETWEEN $2 AND $3 ORDER BY upload LIMIT $4""",
    bucket=1,
)
RENAMED = Stream(
    table="renamed",
    columns=("bucket", "label", "blob", "name"),
    key=(0, 1, 2),
    begin=(-1, b"", ""),
    source="""
SELECT bucket, label, blob, name FROM renamed
WHERE (bucket, label, blob) > (?, ?, ?) ORDER BY bucket, label, blob""",
    target="""
SELECT bucket, label, blob, name FROM s3gw.renamed
WHERE (bucket, label, blob) > ($1, $2, $3) AND bucket BETWEEN $4 AND $5
ORDER BY bucket, label, blob LIMIT $6""",
)

# Garbage and the trash stay where they are: no client can read them any more.
STREAMS = (OBJECTS, VERSIONS, UPLOADS, PARTS, COMPLETED, RENAMED)
