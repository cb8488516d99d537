"""Lookups of objects: many at once.

Lookups that arrive while a statement is under way go together in the next one, which costs a fifth
of what each would cost alone. So each is answered by a statement that began after it arrived: it
sees what was acknowledged before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from msgspec import Struct

from cluster.database.clock import DatabaseClock, ns_of
from cluster.database.errors import DatabaseAway
from cluster.database.patience import LONGEST_PAUSE_S, PatientReader
from cluster.database.texts import comparable
from storage.errors import BucketNotFound, StorageError, UploadNotFound
from storage.index.rows import PartRow, Row, decode_bucket, decode_part, decode_row, decode_upload
from storage.index.versions import Bucket, readable
from storage.values import ObjectRead, UploadInfo

# Of one statement: a longer one would keep those that wait.
MOST = 64

# Current versions are in one table, the others in another: one statement, since a version could
# move between two. Without a current object, the newest of the others is a delete marker.
_LOOK_UP = """
SELECT clock_timestamp(), b.id, CASE WHEN wanted.facts THEN b.row END,
    o.row, coalesce(v.row, newest.row),
    CASE WHEN wanted.payload THEN o.payload END, CASE WHEN wanted.payload THEN v.payload END
FROM unnest($1::text[], $2::bytea[], $3::text[], $4::boolean[], $5::boolean[])
    WITH ORDINALITY AS wanted(bucket, name, version, facts, payload, number)
LEFT JOIN LATERAL (
    SELECT id, row FROM s3gw.buckets WHERE name = wanted.bucket LIMIT 1) b ON true
LEFT JOIN LATERAL (
    SELECT name, row, payload FROM s3gw.objects
    WHERE bucket = b.id AND name = wanted.name LIMIT 1) o ON true
LEFT JOIN LATERAL (
    SELECT row, payload FROM s3gw.versions
    WHERE bucket = b.id AND name = wanted.name AND version = wanted.version LIMIT 1) v ON true
LEFT JOIN LATERAL (
    SELECT row FROM s3gw.versions
    WHERE bucket = b.id AND name = wanted.name AND wanted.version IS NULL AND o.name IS NULL
    ORDER BY age LIMIT 1) newest ON true
ORDER BY wanted.number"""
_UPLOAD = """
SELECT clock_timestamp(), b.id, b.row, u.row FROM s3gw.buckets b
LEFT JOIN s3gw.uploads u ON u.bucket = b.id AND u.name = $2 AND u.id = $3 WHERE b.name = $1"""
_PARTS = """
SELECT u.id, p.row FROM s3gw.buckets b
JOIN s3gw.uploads u ON u.bucket = b.id AND u.name = $2 AND u.id = $3
LEFT JOIN s3gw.parts p ON p.upload = u.id AND ($4::integer IS NULL OR p.number = $4)
WHERE b.name = $1"""
_COMPLETED = """
SELECT c.row FROM s3gw.buckets b JOIN s3gw.completed c ON c.bucket = b.id
WHERE b.name = $1 AND c.name = $2 AND c.upload = $3"""


class Found(NamedTuple):
    """A version in a bucket, a delete marker too; `row` is None where there is none."""

    bucket: Bucket | None
    row: Row | None
    payload: bytes | None


class _Wanted(Struct, frozen=True):
    bucket: str
    name: str | None = None
    version: str | None = None
    facts: bool = False
    payload: bool = False


_Answer = asyncio.Future[Found | BucketNotFound]
# What is wanted, until when by the monotonic clock, and its answer.
_Waiting = tuple[_Wanted, float, _Answer]


class Lookups:
    """For one event loop. All may raise `BucketNotFound`, and `DatabaseAway`. `clock` learns the
    time from them."""

    def __init__(self, reader: PatientReader, clock: DatabaseClock | None = None) -> None:
        self._reader = reader
        self._clock = clock or DatabaseClock()
        self._waiting: deque[_Waiting] = deque()
        self._under_way: asyncio.Task[None] | None = None

    async def bucket(self, name: str) -> Bucket:
        found = await self._look_up(_Wanted(name, facts=True))
        assert found.bucket is not None
        return found.bucket

    async def look_up(
        self, bucket: str, name: str, version: str | None
    ) -> tuple[Bucket, Row | None]:
        """Return the bucket, and a version in it, a delete marker too."""
        found = await self._look_up(_Wanted(bucket, name, version, facts=True))
        assert found.bucket is not None
        return found.bucket, found.row

    async def find(self, bucket: str, name: str, version: str | None = None) -> Row:
        """Raises `ObjectNotFound`, `VersionNotFound`, `DeleteMarkerFound`."""
        found = await self._look_up(_Wanted(bucket, name, version))
        return readable(found.row, name, version)

    async def open(
        self, bucket: str, name: str, version: str | None = None
    ) -> tuple[Row, bytes | None]:
        """Return an object and its payload. Raises as `find` does."""
        found = await self._look_up(_Wanted(bucket, name, version, payload=True))
        return readable(found.row, name, version), found.payload

    async def open_in(
        self, bucket: str, name: str, version: str | None
    ) -> tuple[Bucket, Row, bytes | None]:
        """Return an object, its payload and its bucket, for a change. Raises as `find` does."""
        found = await self._look_up(_Wanted(bucket, name, version, facts=True, payload=True))
        assert found.bucket is not None
        return found.bucket, readable(found.row, name, version), found.payload

    async def open_many(
        self, reads: Sequence[ObjectRead]
    ) -> list[tuple[Row, bytes | None] | StorageError]:
        """Return for each what `open` returns or raises."""
        names = [(read.bucket, read.name, read.options.version) for read in reads]
        wanted = [_Wanted(*each, payload=True) for each in names]
        found = await asyncio.gather(*(self._submit(each) for each in wanted))
        return [
            _opened(one, name, version)
            for one, (_, name, version) in zip(found, names, strict=True)
        ]

    async def upload(self, bucket: str, name: str, upload: str) -> tuple[Bucket, UploadInfo]:
        """Raises `UploadNotFound`."""
        rows = await self._timed(_UPLOAD, bucket, name.encode(), upload)
        if not rows:
            raise BucketNotFound(bucket)
        ((_, key, facts, row),) = rows
        if row is None:
            raise UploadNotFound(upload)
        return Bucket(key, decode_bucket(facts)), decode_upload(row)

    async def parts(
        self, bucket: str, name: str, upload: str, number: int | None = None
    ) -> dict[int, PartRow]:
        """Return the parts of an upload, or the one of that number. Raises `UploadNotFound`, and
        that for a missing bucket too."""
        rows: Any = await self._reader.rows(_PARTS, bucket, name.encode(), upload, number)
        if not rows:
            raise UploadNotFound(upload)
        parts = [decode_part(row) for _, row in rows if row is not None]
        return {part.info.number: part for part in parts}

    async def completed(self, bucket: str, name: str, upload: str) -> Row | None:
        """Return the object that the upload became, if it was completed lately."""
        rows: Any = await self._reader.rows(_COMPLETED, bucket, name.encode(), upload)
        return decode_row(rows[0]["row"]) if rows else None

    async def learn_time(self) -> None:
        """Look at the clock, for what needs no other lookup."""
        await self._timed("SELECT clock_timestamp()")

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._under_way is not None:
            await asyncio.wait((self._under_way,))

    async def _look_up(self, wanted: _Wanted) -> Found:
        found = await self._submit(wanted)
        if isinstance(found, BucketNotFound):
            raise found
        return found

    def _submit(self, wanted: _Wanted) -> asyncio.Future[Found | BucketNotFound]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, self._reader.until(), future))
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._serve())
        return future

    async def _serve(self) -> None:
        try:
            while self._waiting:
                count = min(len(self._waiting), MOST)
                await self._answer([self._waiting.popleft() for _ in range(count)])
        finally:
            self._under_way = None

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        batch = [each for each in batch if not each[2].done()]
        if not batch:
            return
        # The first has waited longest.
        until = batch[0][1]
        try:
            found = await self._fetch([wanted for wanted, _, _ in batch], until)
        except DatabaseAway as error:
            self._retry(batch, error)
            return
        except BaseException as error:
            for _, _, future in batch:
                _fail(future, error)
            # The callers have it.
            if not isinstance(error, Exception):
                raise
            return
        for one, (_, _, future) in zip(found, batch, strict=True):
            if not future.done():
                future.set_result(one)

    def _retry(self, batch: Sequence[_Waiting], error: DatabaseAway) -> None:
        """Fail those whose time is over before another attempt, all that wait included; the others
        of the batch are next again."""
        over = monotonic() + LONGEST_PAUSE_S
        waiting = [*batch, *self._waiting]
        self._waiting.clear()
        for each in waiting:
            if each is batch[0] or each[1] < over:
                _fail(each[2], error)
            else:
                self._waiting.append(each)

    async def _fetch(self, wanted: Sequence[_Wanted], until: float) -> list[Found | BucketNotFound]:
        rows = await self._timed(
            _LOOK_UP,
            [comparable(each.bucket) for each in wanted],
            [None if each.name is None else each.name.encode() for each in wanted],
            [None if each.version is None else comparable(each.version) for each in wanted],
            [each.facts for each in wanted],
            [each.payload for each in wanted],
            until=until,
        )
        return [_found(each, row) for each, row in zip(wanted, rows, strict=True)]

    async def _timed(self, sql: str, *values: Any, until: float | None = None) -> list[Any]:
        """Return the rows of a statement whose first column is the time."""
        sent_ns = self._clock.monotonic_ns()
        rows = await self._reader.rows(sql, *values, until=until)
        if rows:
            self._clock.learn(ns_of(rows[0][0]), sent_ns, self._clock.monotonic_ns())
        return rows


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif not future.done():
        future.set_exception(error)


def _found(wanted: _Wanted, row: Any) -> Found | BucketNotFound:
    _, key, facts, current, other, payload, other_payload = row
    if key is None:
        return BucketNotFound(wanted.bucket)
    bucket = None if facts is None else Bucket(key, decode_bucket(facts))
    if current is not None:
        decoded = decode_row(current)
        if wanted.version in (None, decoded.version):
            return Found(bucket, decoded, payload)
    return Found(bucket, None if other is None else decode_row(other), other_payload)


def _opened(
    found: Found | BucketNotFound, name: str, version: str | None
) -> tuple[Row, bytes | None] | StorageError:
    if isinstance(found, BucketNotFound):
        return found
    try:
        return readable(found.row, name, version), found.payload
    except StorageError as error:
        return error
