"""Transactions on the index of one mountpath: SQLite's, which never suspend.

So a mutation runs to its end within one step of its coroutine, in the thread that owns the
connection: `drive`. The writer is alone, so there is nothing to hold; but a name may belong to a
rename between mountpaths (`crossing`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import apsw

from storage.backends.local.acknowledged import COUNT
from storage.backends.local.bucket_tables import BucketTables
from storage.backends.local.departures import Departure
from storage.backends.local.garbage import garbage_name
from storage.clock import NS_PER_S, Clock, SystemClock
from storage.index.rows import (
    PartRow,
    Row,
    decode_part,
    decode_row,
    decode_upload,
    encode,
)
from storage.index.transaction import Payload, Place, UploadKey
from storage.index.versions import Home, Stored
from storage.sqlite.connection import errno_kept
from storage.values import UploadInfo

T = TypeVar("T")

_FIND_VERSION = "SELECT row, payload, age FROM versions WHERE bucket = ? AND name = ?"
_NEWEST = f"{_FIND_VERSION} ORDER BY age LIMIT 1"
_CURRENT = "SELECT 1 FROM objects WHERE bucket = ? AND name = ?"
_NEXT_AGE = """
ifnull((SELECT age FROM versions WHERE bucket = ?1 AND name = ?2 ORDER BY age LIMIT 1), 0) - 1"""
_DEMOTE = f"""
INSERT INTO versions SELECT bucket, name, {_NEXT_AGE}, ?3, row, payload FROM objects
WHERE bucket = ?1 AND name = ?2"""
_ADD_MARKER = f"INSERT INTO versions VALUES(?1, ?2, {_NEXT_AGE}, ?3, ?4, NULL)"
# The ids of arrivals begin with their times. No reader takes as long as this from one look to the
# next.
_ARRIVALS_KEPT_NS = 600 * NS_PER_S
_SYSTEM_CLOCK = SystemClock()


class Leaving(Exception):
    """The name belongs to a rename that is under way, or was cut short: settle that first."""


class SqliteTransaction(BucketTables):
    """One open write transaction: a `Transaction`. Counters are kept aside and written once, before
    the commit; `commit_number` is then the number of the commit, 0 if it changes nothing."""

    def __init__(self, connection: apsw.Connection, clock: Clock = _SYSTEM_CLOCK) -> None:
        super().__init__(connection)
        self.commit_number = 0
        self._clock = clock
        self._usage: dict[int, list[int]] = {}
        self._changes = connection.total_changes()
        self._leaving: set[tuple[int, bytes]] | None = None

    def now_ns(self) -> int:
        return self._clock.now_ns()

    async def find(self, bucket: int, name: bytes, version: str | None = None) -> Stored | None:
        return self.look_up(bucket, name, version)

    async def find_all(
        self, bucket: int, wanted: Sequence[tuple[bytes, str | None]]
    ) -> list[Stored | None]:
        return [self.look_up(bucket, *each) for each in wanted]

    def look_up(self, bucket: int, name: bytes, version: str | None) -> Stored | None:
        """Raises `Leaving`: what is said of that name may not be true any more."""
        self._require_settled(bucket, name)
        sql = "SELECT row, payload FROM objects WHERE bucket = ? AND name = ?"
        found: Any = self._run(sql, (bucket, name)).get
        if found is not None:
            row = decode_row(found[0])
            if version in (None, row.version):
                return Stored(row, found[1])
        if version is None:
            found = self._run(_NEWEST, (bucket, name)).get
        else:
            found = self._run(f"{_FIND_VERSION} AND version = ?", (bucket, name, version)).get
        return None if found is None else Stored(decode_row(found[0]), found[1], found[2])

    def _require_settled(self, bucket: int, name: bytes) -> None:
        if self._leaving is None:
            rows: Any = self._run("SELECT bucket, name FROM leaving")
            self._leaving = set(rows)
        if (bucket, name) in self._leaving:
            raise Leaving

    async def count_versions(self, bucket: int, name: bytes) -> int:
        sql = "SELECT count(*) FROM versions WHERE bucket = ? AND name = ?"
        count: Any = self._run(sql, (bucket, name)).get
        return int(count)

    async def payload(self, stored: Stored) -> bytes | None:
        found: Any = self._run("SELECT data FROM payloads WHERE id = ?", (stored.payload,)).get
        return None if found is None else bytes(found)

    # The caller has looked at everything first, because nothing may be refused once it is written.
    async def put(self, home: Home, name: bytes, row: Row, payload: Payload, place: Place) -> None:
        bucket, (current, replaced) = home.key, place
        key = self.add_payload(payload)
        if replaced is not None:
            self._delete_payload(replaced)
            if replaced.age is not None:
                self._delete_version(bucket, name, replaced.age)
        is_object = current is not None and current.age is None
        if current is not None and is_object and current is not replaced:
            self._run(_DEMOTE, (bucket, name, current.row.version))
        if row.delete_marker:
            if is_object:
                self._delete_object(bucket, name)
            self._run(_ADD_MARKER, (bucket, name, row.version, encode(row)))
        else:
            values = (bucket, name, encode(row), key)
            self._run("INSERT OR REPLACE INTO objects VALUES(?, ?, ?, ?)", values)

    async def replace_row(self, bucket: int, name: bytes, old: Stored, row: Row) -> None:
        if old.age is None:
            sql = "UPDATE objects SET row = ? WHERE bucket = ? AND name = ?"
            self._run(sql, (encode(row), bucket, name))
        else:
            sql = "UPDATE versions SET row = ? WHERE bucket = ? AND name = ? AND age = ?"
            self._run(sql, (encode(row), bucket, name, old.age))

    async def replace_bytes(
        self, bucket: int, name: bytes, old: Stored, row: Row, payload: bytes | None
    ) -> None:
        self._delete_payload(old)
        values = (encode(row), self.add_payload(payload), bucket, name)
        if old.age is None:
            sql = "UPDATE objects SET row = ?, payload = ? WHERE bucket = ? AND name = ?"
            self._run(sql, values)
        else:
            sql = """UPDATE versions SET row = ?, payload = ?
            WHERE bucket = ? AND name = ? AND age = ?"""
            self._run(sql, (*values, old.age))

    async def remove(self, home: Home, name: bytes, old: Stored) -> None:
        self._delete_payload(old)
        self._take_out(home, name, old)

    async def take_out(self, home: Home, name: bytes, stored: Stored) -> Payload:
        self._take_out(home, name, stored)
        return stored.payload

    def _take_out(self, home: Home, name: bytes, stored: Stored) -> None:
        if stored.age is None:
            self._delete_object(home.key, name)
        else:
            self._delete_version(home.key, name, stored.age)
        # An object that was not current leaves no place free.
        if home.ever_versioned and (stored.age is None or stored.row.delete_marker):
            self.promote(home.key, name)

    def promote(self, bucket: int, name: bytes) -> None:
        """Make the newest of the older versions current, unless it is a delete marker."""
        found: Any = self._run(_NEWEST, (bucket, name)).get
        if found is None or decode_row(found[0]).delete_marker:
            return
        current: Any = self._run(_CURRENT, (bucket, name)).get
        if current is None:
            self._run("INSERT INTO objects VALUES(?, ?, ?, ?)", (bucket, name, *found[:2]))
            self._delete_version(bucket, name, found[2])

    def _delete_object(self, bucket: int, name: bytes) -> None:
        self._run("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name))

    def _delete_version(self, bucket: int, name: bytes, age: int) -> None:
        sql = "DELETE FROM versions WHERE bucket = ? AND name = ? AND age = ?"
        self._run(sql, (bucket, name, age))

    def add_payload(self, payload: Payload) -> int | None:
        """Return the number of the payload; that of an old one stays."""
        if payload is None or isinstance(payload, int):
            return payload
        self._run("INSERT INTO payloads(data) VALUES(?)", (payload,))
        return self.connection.last_insert_rowid()

    def _delete_payload(self, old: Stored) -> None:
        if old.payload is not None:
            self._run("DELETE FROM payloads WHERE id = ?", (old.payload,))

    async def discard(self, blobs: Sequence[Sequence[str]], mountpath: str = "") -> None:
        for each in blobs:
            names = [garbage_name(blob, mountpath) for blob in each]
            self._run("INSERT INTO garbage(blobs) VALUES(?)", (encode(names),))

    async def note_label(self, bucket: int, label: bytes, blob: str, name: bytes) -> None:
        values = (bucket, label, blob, name)
        self._run("INSERT OR REPLACE INTO renamed VALUES(?, ?, ?, ?)", values)

    async def forget_label(self, bucket: int, label: bytes, blob: str) -> None:
        sql = "DELETE FROM renamed WHERE bucket = ? AND label = ? AND blob = ?"
        self._run(sql, (bucket, label, blob))

    def count(self, bucket: int, objects: int, size: int) -> None:
        counters = self._usage.setdefault(bucket, [0, 0])
        counters[0] += objects
        counters[1] += size

    async def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None:
        sql = "SELECT row FROM uploads WHERE bucket = ? AND name = ? AND id = ?"
        found: Any = self._run(sql, (bucket, name, upload)).get
        return None if found is None else decode_upload(found)

    async def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None:
        values = (bucket, name, upload.id, encode(upload))
        self._run("INSERT INTO uploads VALUES(?, ?, ?, ?)", values)

    async def part(self, upload: str, number: int) -> PartRow | None:
        sql = "SELECT row FROM parts WHERE upload = ? AND number = ?"
        found: Any = self._run(sql, (upload, number)).get
        return None if found is None else decode_part(found)

    async def parts(self, uploads: Sequence[str]) -> list[PartRow]:
        return [part for upload in uploads for part in parts_of(self.connection, upload)]

    async def put_part(self, upload: str, part: PartRow) -> None:
        values = (upload, part.info.number, encode(part))
        self._run("INSERT OR REPLACE INTO parts VALUES(?, ?, ?)", values)

    async def remove_uploads(self, bucket: int, uploads: Sequence[UploadKey]) -> None:
        for name, upload in uploads:
            self._run("DELETE FROM parts WHERE upload = ?", (upload,))
            where = (bucket, name, upload)
            self._run("DELETE FROM uploads WHERE bucket = ? AND name = ? AND id = ?", where)

    async def completed(self, bucket: int, name: bytes, upload: str) -> Row | None:
        sql = "SELECT row FROM completed WHERE upload = ? AND bucket = ? AND name = ?"
        found: Any = self._run(sql, (upload, bucket, name)).get
        return None if found is None else decode_row(found)

    async def add_completed(
        self, bucket: int, name: bytes, upload: str, row: Row, time_ns: int
    ) -> None:
        values = (upload, bucket, name, time_ns, encode(row))
        self._run("INSERT INTO completed VALUES(?, ?, ?, ?, ?)", values)

    async def some_versions(self, bucket: int, limit: int) -> list[tuple[bytes, Stored]]:
        objects = "SELECT name, row, payload, NULL FROM objects WHERE bucket = ? LIMIT ?"
        versions = "SELECT name, row, payload, age FROM versions WHERE bucket = ? LIMIT ?"
        rows: Any = self._run(objects, (bucket, limit)).fetchall()
        rows = rows or self._run(versions, (bucket, limit)).fetchall()
        return [(name, Stored(decode_row(row), *where)) for name, row, *where in rows]

    async def erase(self, bucket: int, versions: Sequence[tuple[bytes, Stored]]) -> None:
        for name, stored in versions:
            self._delete_payload(stored)
            if stored.age is None:
                self._delete_object(bucket, name)
            else:
                self._delete_version(bucket, name, stored.age)

    async def some_uploads(self, bucket: int, limit: int | None = None) -> list[UploadKey]:
        sql = "SELECT name, id FROM uploads WHERE bucket = ? LIMIT ?"
        rows: Any = self._run(sql, (bucket, -1 if limit is None else limit)).fetchall()
        return list(rows)

    # Between mountpaths

    def leave(self, bucket: int, name: bytes, departure: Departure) -> None:
        """Note that the current version is about to go to another mountpath."""
        self._run("INSERT INTO leaving VALUES(?, ?, ?)", (bucket, name, encode(departure)))

    def stay(self, bucket: int, name: bytes) -> None:
        self._run("DELETE FROM leaving WHERE bucket = ? AND name = ?", (bucket, name))
        self._leaving = None

    def arrive(self, departure: Departure) -> None:
        """Note that it is here now. All earlier ones are settled, and forgotten in time."""
        old = f"{max(0, self.now_ns() - _ARRIVALS_KEPT_NS):016x}"
        self._run("DELETE FROM arrived WHERE id < ?", (old,))
        self._run("INSERT INTO arrived VALUES(?)", (departure.id,))

    def flush(self) -> None:
        """Write the counters; a bucket removed in this very transaction has no row to count in."""
        for bucket, (objects, size) in self._usage.items():
            sql = "UPDATE usage SET objects = objects + ?, bytes = bytes + ? WHERE bucket = ?"
            self._run(sql, (objects, size, bucket))
        if self.connection.total_changes() != self._changes:
            counted: Any = self._run(COUNT).get
            self.commit_number = counted or 0


Mutation = Callable[[SqliteTransaction], Coroutine[Any, Any, T]]


def parts_of(connection: apsw.Connection, upload: str) -> list[PartRow]:
    rows: Any = connection.execute("SELECT row FROM parts WHERE upload = ?", (upload,))
    return [decode_part(row) for (row,) in rows]


def drive(mutation: Coroutine[Any, Any, T]) -> T:
    """Run a mutation to its end. Raises what it raises."""
    try:
        mutation.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    mutation.close()
    raise RuntimeError("a mutation waits for something other than its transaction")


def in_transaction(
    connection: apsw.Connection, mutation: Mutation[T], clock: Clock = _SYSTEM_CLOCK
) -> T:
    """Run one mutation and commit it, for those who own a connection and have no committer."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        with errno_kept(connection):
            transaction = SqliteTransaction(connection, clock)
            result = drive(mutation(transaction))
            transaction.flush()
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some failures have rolled it back already
            connection.execute("ROLLBACK")
        raise
    return result
