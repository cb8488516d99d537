"""Transaction on PostgreSQL: what mutations do, as statements.

Writes wait for the next read or the end, and then go in their order. Locks are advisory and of the
transaction; `schema/0001.sql` says which there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xxhash

from cluster.database.clock import ns_of
from cluster.database.connecting import Connection
from cluster.database.texts import comparable
from storage.clock import Clock
from storage.errors import BucketNotFound
from storage.index.rows import (
    PartRow,
    Row,
    decode_bucket,
    decode_part,
    decode_row,
    decode_upload,
    encode,
)
from storage.index.transaction import Payload, Place, UploadKey
from storage.index.versions import Bucket, Home, Stored
from storage.values import BucketInfo, UploadInfo

# Each name is found by its whole key in a subquery of its own. As joins, of tables that nobody has
# analyzed yet, the planner may read all names of the bucket for each.
FIND = """
SELECT o.row, o.payload, v.row, v.payload, v.age
FROM unnest($1::bigint[], $2::bytea[], $3::text[])
    WITH ORDINALITY AS wanted(bucket, name, version, number)
LEFT JOIN LATERAL (
    SELECT row, payload FROM s3gw.objects
    WHERE bucket = wanted.bucket AND name = wanted.name LIMIT 1) o ON true
LEFT JOIN LATERAL (
    (SELECT row, payload, age FROM s3gw.versions
    WHERE wanted.version IS NULL AND bucket = wanted.bucket AND name = wanted.name
    ORDER BY age LIMIT 1)
    UNION ALL
    SELECT row, payload, age FROM s3gw.versions
    WHERE bucket = wanted.bucket AND name = wanted.name AND version = wanted.version) v ON true
ORDER BY wanted.number"""
REMOVE_UPLOADS = """
DELETE FROM s3gw.uploads WHERE ctid = ANY(ARRAY(
    SELECT (SELECT ctid FROM s3gw.uploads WHERE bucket = $1 AND name = gone.name AND id = gone.id)
    FROM unnest($2::bytea[], $3::text[]) AS gone(name, id)))"""
ERASE_VERSIONS = """
DELETE FROM s3gw.versions WHERE ctid = ANY(ARRAY(
    SELECT (SELECT ctid FROM s3gw.versions
        WHERE bucket = $1 AND name = gone.name AND age = gone.age)
    FROM unnest($2::bytea[], $3::bigint[]) AS gone(name, age)))"""
_AGE = """
coalesce((
    SELECT age FROM s3gw.versions WHERE bucket = $1 AND name = $2 ORDER BY age LIMIT 1), 0) - 1"""
_DEMOTE = f"""
INSERT INTO s3gw.versions(bucket, name, age, version, marker, row, payload)
SELECT bucket, name, {_AGE}, $3, false, row, payload FROM s3gw.objects
WHERE bucket = $1 AND name = $2"""
_ADD_MARKER = f"""
INSERT INTO s3gw.versions(bucket, name, age, version, marker, row)
VALUES ($1, $2, {_AGE}, $3, true, $4)"""
_PUT = """
INSERT INTO s3gw.objects(bucket, name, row, payload) VALUES ($1, $2, $3, $4)
ON CONFLICT (bucket, name) DO UPDATE SET row = $3, payload = $4"""
# The newest of the older versions becomes current, unless it is a delete marker.
_PROMOTE = """
WITH newest AS (
    SELECT age, marker FROM s3gw.versions
    WHERE bucket = $1 AND name = $2 ORDER BY age LIMIT 1),
moved AS (
    DELETE FROM s3gw.versions v USING newest
    WHERE v.bucket = $1 AND v.name = $2 AND v.age = newest.age AND NOT newest.marker
    AND NOT EXISTS (SELECT 1 FROM s3gw.objects WHERE bucket = $1 AND name = $2)
    RETURNING v.row, v.payload)
INSERT INTO s3gw.objects(bucket, name, row, payload) SELECT $1, $2, row, payload FROM moved"""
_GARBAGE = """
INSERT INTO s3gw.garbage(blobs, not_before)
VALUES ($1, clock_timestamp() + make_interval(secs => $2))"""
# A database that is restored to a moment within this time still finds the bytes.
GARBAGE_KEPT_S = 24 * 3600
_COUNT_BUCKET_CHANGE = """
INSERT INTO s3gw.counters VALUES ('buckets', 1)
ON CONFLICT (name) DO UPDATE SET value = counters.value + 1"""


class PostgresTransaction:
    """One transaction on a connection whose owner begins it and ends it: a `Transaction`. `clock`
    is for tests; else the time is the database's."""

    def __init__(self, connection: Connection, clock: Clock | None = None) -> None:
        self._connection = connection
        self._clock = clock
        self._now_ns = 0
        self._writes: list[tuple[str, tuple[Any, ...]]] = []
        self._usage: dict[int, list[int]] = {}
        self.has_written = False

    async def hold(self, bucket: Bucket, *names: bytes) -> Home:
        locks = sorted({name_lock(bucket.key, name) for name in names})
        held = await self._first("SELECT * FROM s3gw.hold_1($1, $2)", bucket.key, locks)
        self.keep_time(ns_of(held["at"]))
        if held["facts"] is None:
            raise BucketNotFound(bucket.info.name)
        return Home(bucket.key, decode_bucket(held["facts"]).versioning)

    async def hold_bucket(self, name: str) -> Bucket:
        held = await self._first("SELECT * FROM s3gw.hold_bucket_1($1)", name)
        self.keep_time(ns_of(held["at"]))
        if held["id"] is None:
            raise BucketNotFound(name)
        return Bucket(held["id"], decode_bucket(held["facts"]))

    async def hold_bucket_name(self, name: str) -> BucketInfo | None:
        held = await self._first("SELECT * FROM s3gw.hold_bucket_name_1($1)", name)
        self.keep_time(ns_of(held["at"]))
        return None if held["facts"] is None else decode_bucket(held["facts"])

    def now_ns(self) -> int:
        return self._now_ns if self._clock is None else self._clock.now_ns()

    def keep_time(self, now_ns: int) -> None:
        """Note the database's time."""
        self._now_ns = now_ns

    async def find(self, bucket: int, name: bytes, version: str | None = None) -> Stored | None:
        return (await self.find_all(bucket, [(name, version)]))[0]

    async def find_all(
        self, bucket: int, wanted: Sequence[tuple[bytes, str | None]]
    ) -> list[Stored | None]:
        rows = await self._all(FIND, *find_values([(bucket, *each) for each in wanted]))
        return [found(row, version) for row, (_, version) in zip(rows, wanted, strict=True)]

    async def count_versions(self, bucket: int, name: bytes) -> int:
        sql = "SELECT count(*) AS count FROM s3gw.versions WHERE bucket = $1 AND name = $2"
        count: int = (await self._first(sql, bucket, name))["count"]
        return count

    async def payload(self, stored: Stored) -> bytes | None:
        return _bytes_of(stored.payload)

    async def put(self, home: Home, name: bytes, row: Row, payload: Payload, place: Place) -> None:
        bucket, (current, replaced) = home.key, place
        if replaced is not None and replaced.age is not None:
            self._delete_version(bucket, name, replaced.age)
        is_object = current is not None and current.age is None
        if current is not None and is_object and current is not replaced:
            self._write(_DEMOTE, bucket, name, current.row.version)
        if row.delete_marker:
            if is_object:
                self._delete_object(bucket, name)
            self._write(_ADD_MARKER, bucket, name, row.version, encode(row))
        else:
            self._write(_PUT, bucket, name, encode(row), _bytes_of(payload))

    async def replace_row(self, bucket: int, name: bytes, old: Stored, row: Row) -> None:
        if old.age is None:
            sql = "UPDATE s3gw.objects SET row = $3 WHERE bucket = $1 AND name = $2"
            self._write(sql, bucket, name, encode(row))
        else:
            sql = "UPDATE s3gw.versions SET row = $4 WHERE bucket = $1 AND name = $2 AND age = $3"
            self._write(sql, bucket, name, old.age, encode(row))

    async def replace_bytes(
        self, bucket: int, name: bytes, old: Stored, row: Row, payload: bytes | None
    ) -> None:
        if old.age is None:
            sql = "UPDATE s3gw.objects SET row = $3, payload = $4 WHERE bucket = $1 AND name = $2"
            self._write(sql, bucket, name, encode(row), payload)
        else:
            sql = """UPDATE s3gw.versions SET row = $4, payload = $5
            WHERE bucket = $1 AND name = $2 AND age = $3"""
            self._write(sql, bucket, name, old.age, encode(row), payload)

    async def remove(self, home: Home, name: bytes, old: Stored) -> None:
        if old.age is None:
            self._delete_object(home.key, name)
        else:
            self._delete_version(home.key, name, old.age)
        # An object that was not current leaves no place free.
        if home.ever_versioned and (old.age is None or old.row.delete_marker):
            self._write(_PROMOTE, home.key, name)

    async def take_out(self, home: Home, name: bytes, stored: Stored) -> Payload:
        await self.remove(home, name, stored)
        return stored.payload

    def _delete_object(self, bucket: int, name: bytes) -> None:
        self._write("DELETE FROM s3gw.objects WHERE bucket = $1 AND name = $2", bucket, name)

    def _delete_version(self, bucket: int, name: bytes, age: int) -> None:
        sql = "DELETE FROM s3gw.versions WHERE bucket = $1 AND name = $2 AND age = $3"
        self._write(sql, bucket, name, age)

    async def discard(self, blobs: Sequence[Sequence[str]], mountpath: str = "") -> None:
        for each in blobs:
            self._write(_GARBAGE, list(each), GARBAGE_KEPT_S)

    async def note_label(self, bucket: int, label: bytes, blob: str, name: bytes) -> None:
        sql = """INSERT INTO s3gw.renamed VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, label, blob) DO UPDATE SET name = $4"""
        self._write(sql, bucket, label, blob, name)

    async def forget_label(self, bucket: int, label: bytes, blob: str) -> None:
        sql = "DELETE FROM s3gw.renamed WHERE bucket = $1 AND label = $2 AND blob = $3"
        self._write(sql, bucket, label, blob)

    def count(self, bucket: int, objects: int, size: int) -> None:
        counters = self._usage.setdefault(bucket, [0, 0])
        counters[0] += objects
        counters[1] += size

    async def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None:
        sql = "SELECT row FROM s3gw.uploads WHERE bucket = $1 AND name = $2 AND id = $3"
        rows = await self._all(sql, bucket, name, upload)
        return decode_upload(rows[0]["row"]) if rows else None

    async def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None:
        sql = "INSERT INTO s3gw.uploads VALUES ($1, $2, $3, $4)"
        self._write(sql, bucket, name, upload.id, encode(upload))

    async def part(self, upload: str, number: int) -> PartRow | None:
        sql = "SELECT row FROM s3gw.parts WHERE upload = $1 AND number = $2"
        rows = await self._all(sql, upload, number)
        return decode_part(rows[0]["row"]) if rows else None

    async def parts(self, uploads: Sequence[str]) -> list[PartRow]:
        sql = "SELECT row FROM s3gw.parts WHERE upload = ANY($1) ORDER BY upload, number"
        return [decode_part(row["row"]) for row in await self._all(sql, list(uploads))]

    async def put_part(self, upload: str, part: PartRow) -> None:
        sql = """INSERT INTO s3gw.parts VALUES ($1, $2, $3)
        ON CONFLICT (upload, number) DO UPDATE SET row = $3"""
        self._write(sql, upload, part.info.number, encode(part))

    async def remove_uploads(self, bucket: int, uploads: Sequence[UploadKey]) -> None:
        ids = [upload for _, upload in uploads]
        self._write("DELETE FROM s3gw.parts WHERE upload = ANY($1)", ids)
        self._write(REMOVE_UPLOADS, bucket, [name for name, _ in uploads], ids)

    async def completed(self, bucket: int, name: bytes, upload: str) -> Row | None:
        sql = "SELECT row FROM s3gw.completed WHERE upload = $3 AND bucket = $1 AND name = $2"
        rows = await self._all(sql, bucket, name, upload)
        return decode_row(rows[0]["row"]) if rows else None

    async def add_completed(
        self, bucket: int, name: bytes, upload: str, row: Row, time_ns: int
    ) -> None:
        sql = "INSERT INTO s3gw.completed VALUES ($1, $2, $3, $4, $5)"
        self._write(sql, upload, bucket, name, time_ns, encode(row))

    async def add_bucket(self, info: BucketInfo) -> Bucket:
        sql = "INSERT INTO s3gw.buckets(name, row) VALUES ($1, $2) RETURNING id"
        await self.flush()
        key: int = await self._connection.fetchval(sql, info.name, encode(info))
        self._write("INSERT INTO s3gw.usage VALUES ($1, 0, 0)", key)
        return Bucket(key, info)

    async def has_label(self, label: str) -> bool:
        return bool(await self._all("SELECT 1 FROM s3gw.labels WHERE label = $1", label))

    async def set_bucket(self, bucket: Bucket) -> None:
        key, info = bucket
        sql = "UPDATE s3gw.buckets SET name = $2, row = $3 WHERE id = $1"
        self._write(sql, key, info.name, encode(info))
        self._set_label(key, info.label)

    async def remove_bucket(self, key: int) -> None:
        self._forget_bucket(key)
        self._write("DELETE FROM s3gw.buckets WHERE id = $1", key)

    async def trash_bucket(self, bucket: Bucket) -> None:
        key, info = bucket
        self._write("DELETE FROM s3gw.buckets WHERE id = $1", key)
        self._write("INSERT INTO s3gw.trash VALUES ($1, $2)", key, encode(info))
        self._set_label(key, bucket.label)

    async def forget_trash(self, key: int) -> None:
        self._forget_bucket(key)
        self._write("DELETE FROM s3gw.trash WHERE id = $1", key)

    def _forget_bucket(self, key: int) -> None:
        self._usage.pop(key, None)
        for table in ("completed", "usage", "usage_delta", "labels"):
            self._write(f"DELETE FROM s3gw.{table} WHERE bucket = $1", key)

    def _set_label(self, key: int, label: str) -> None:
        """Empty where it is the name."""
        self._write("DELETE FROM s3gw.labels WHERE bucket = $1", key)
        if label:
            self._write("INSERT INTO s3gw.labels(label, bucket) VALUES ($2, $1)", key, label)

    async def some_versions(self, bucket: int, limit: int) -> list[tuple[bytes, Stored]]:
        objects = """SELECT name, row, payload, NULL::bigint AS age FROM s3gw.objects
        WHERE bucket = $1 LIMIT $2"""
        versions = "SELECT name, row, payload, age FROM s3gw.versions WHERE bucket = $1 LIMIT $2"
        rows = await self._all(objects, bucket, limit) or await self._all(versions, bucket, limit)
        return [(name, Stored(decode_row(row), *where)) for name, row, *where in rows]

    async def erase(self, bucket: int, versions: Sequence[tuple[bytes, Stored]]) -> None:
        objects = [name for name, stored in versions if stored.age is None]
        older = [(name, stored.age) for name, stored in versions if stored.age is not None]
        if objects:
            sql = "DELETE FROM s3gw.objects WHERE bucket = $1 AND name = ANY($2)"
            self._write(sql, bucket, objects)
        if older:
            names, ages = [name for name, _ in older], [age for _, age in older]
            self._write(ERASE_VERSIONS, bucket, names, ages)

    async def some_uploads(self, bucket: int, limit: int | None = None) -> list[UploadKey]:
        sql = "SELECT name, id FROM s3gw.uploads WHERE bucket = $1 LIMIT $2"
        return [(row["name"], row["id"]) for row in await self._all(sql, bucket, limit)]

    async def count_bucket_change(self) -> None:
        self._write(_COUNT_BUCKET_CHANGE)

    async def flush(self) -> None:
        """Send what waits."""
        writes, self._writes = self._writes, []
        for sql, values in writes:
            await self._connection.execute(sql, *values)

    async def flush_all(self) -> None:
        """Send what waits, and what was counted."""
        self._write_usage()
        await self.flush()

    def _write_usage(self) -> None:
        for bucket, (objects, size) in self._usage.items():
            if objects or size:
                sql = "INSERT INTO s3gw.usage_delta VALUES ($1, $2, $3)"
                self._write(sql, bucket, objects, size)
        self._usage = {}

    def _write(self, sql: str, *values: Any) -> None:
        self.has_written = True
        self._writes.append((sql, values))

    async def _all(self, sql: str, *values: Any) -> list[Any]:
        """Texts among the values may be what a client made up."""
        await self.flush()
        safe = [comparable(each) if isinstance(each, str) else each for each in values]
        return await self._connection.fetch(sql, *safe)

    async def _first(self, sql: str, *values: Any) -> Any:
        return (await self._all(sql, *values))[0]


def find_values(wanted: Sequence[tuple[int, bytes, str | None]]) -> tuple[list[Any], ...]:
    """Return the values of `FIND` for buckets, names, and versions or None."""
    buckets = [bucket for bucket, _, _ in wanted]
    names = [name for _, name, _ in wanted]
    versions = [None if version is None else comparable(version) for _, _, version in wanted]
    return buckets, names, versions


def found(row: Any, version: str | None) -> Stored | None:
    """Return what a row of `FIND` says of the current version, or of that one."""
    current, payload, older, older_payload, age = row
    if current is not None:
        decoded = decode_row(current)
        if version in (None, decoded.version):
            return Stored(decoded, payload)
    return None if older is None else Stored(decode_row(older), older_payload, age)


def _bytes_of(payload: Payload) -> bytes | None:
    assert not isinstance(payload, int), "payloads are in their rows here"
    return payload


def name_lock(bucket: int, name: bytes) -> int:
    """Return the number of the lock of a name: two names may share one."""
    seed = xxhash.xxh64_intdigest(name, seed=bucket & 0x7FFF_FFFF)
    return seed - (1 << 63)
