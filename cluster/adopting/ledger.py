"""Record of an adoption in the database: how much is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from cluster.adopting.errors import AdoptionRefused
from cluster.adopting.streams import Key
from cluster.database.connecting import Connection
from storage.index.versions import Bucket

_FIND = """
SELECT commits, first_bucket, bucket_count, place, finished, report
FROM s3gw.adoptions WHERE store = $1"""
_IDS = """
SELECT min(id) FROM (
    SELECT nextval(pg_get_serial_sequence('s3gw.buckets', 'id')) AS id
    FROM generate_series(1, $1)) made"""
_BEGIN = """
INSERT INTO s3gw.adoptions(store, commits, first_bucket, bucket_count, place)
VALUES ($1, $2, $3, $4, $5)"""


class Place(Struct, frozen=True, array_like=True):
    """How far rows are copied: the streams that are finished, the last key of the next one, and the
    number of rows."""

    streams: int = 0
    after: Key | None = None
    rows: int = 0


class Ledger(Struct, frozen=True):
    """The adoption of one store. `report` is there when it has finished."""

    store: UUID
    commits: Sequence[int]
    first_bucket: int
    bucket_count: int
    place: Place
    finished: datetime | None = None
    report: bytes | None = None

    @property
    def last_bucket(self) -> int:
        return self.first_bucket + self.bucket_count - 1

    def ids(self, buckets: Sequence[Bucket]) -> Mapping[int, int]:
        """Return the new ids of buckets by their ids in the store."""
        return {each.key: self.first_bucket + at for at, each in enumerate(buckets)}


async def find_ledger(
    connection: Connection, store: UUID, *, for_update: bool = False
) -> Ledger | None:
    """Return the store's, if it has one. `for_update` waits for the transaction of a process that
    was killed, and excludes others, to the end of this one."""
    row: Any = await connection.fetchrow(_FIND + " FOR UPDATE" * for_update, store)
    if row is None:
        return None
    commits, first, count, place, finished, report = row
    decoded = msgspec.msgpack.decode(place, type=Place)
    return Ledger(store, commits, first, count, decoded, finished, report)


async def open_ledger(
    connection: Connection, store: UUID, commits: Sequence[int], bucket_count: int
) -> Ledger:
    """Begin an adoption, in a transaction: its buckets get ids that follow one another."""
    # New buckets wait for a moment, so that no other id comes between these.
    await connection.execute("LOCK TABLE s3gw.buckets IN SHARE ROW EXCLUSIVE MODE")
    first: int = await connection.fetchval(_IDS, bucket_count) or 0
    values = (store, list(commits), first, bucket_count, _encoded(Place()))
    await connection.execute(_BEGIN, *values)
    return Ledger(store, commits, first, bucket_count, Place())


async def held_ledger(connection: Connection, ledger: Ledger) -> Ledger:
    """Return the ledger as it is, held for this transaction. Raises `AdoptionRefused` when another
    process has changed it."""
    found = await find_ledger(connection, ledger.store, for_update=True)
    if found is None or found.finished or found.first_bucket != ledger.first_bucket:
        raise AdoptionRefused("another process adopts this store too: run one at a time")
    return found


async def write_place(connection: Connection, store: UUID, place: Place) -> None:
    sql = "UPDATE s3gw.adoptions SET place = $2 WHERE store = $1"
    await connection.execute(sql, store, _encoded(place))


def _encoded(place: Place) -> bytes:
    return msgspec.msgpack.encode(place)
