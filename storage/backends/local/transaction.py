"""Operations on the index inside one transaction, as the mutations need them.

A mutation checks first and writes afterwards: what it raises before it wrote anything refuses that
mutation alone and costs no savepoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apsw
import msgspec

from storage.backends.local.acknowledged import COUNT
from storage.backends.local.departures import Departure
from storage.backends.local.garbage import garbage_name
from storage.backends.local.index import ACTIVE
from storage.clock import NS_PER_S
from storage.errors import BucketNotFound, Corrupt
from storage.index.rows import (
    Chunked,
    Manifest,
    PartRow,
    Row,
    Single,
    decode_bucket,
    decode_manifest,
    decode_part,
    decode_row,
    decode_upload,
    encode,
)
from storage.index.versions import Bucket, Home, Stored
from storage.sqlite.connection import errno_kept
from storage.values import NULL_VERSION, UploadInfo, Versioning

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


class Leaving(Exception):
    """The name belongs to a rename that is under way, or was cut short: settle that first."""


class Transaction:
    """One open write transaction. Counters are kept aside and written once, before the commit;
    `count` is then the number of the commit, 0 if it changes nothing."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._run = connection.execute
        self._usage: dict[int, list[int]] = {}
        self._changes = connection.total_changes()
        self.count = 0
        self._leaving: set[tuple[int, bytes]] | None = None

    def bucket(self, bucket: Bucket) -> int:
        """The id of a bucket, if it takes objects. Raises `BucketNotFound`."""
        return self.home(bucket).key

    def home(self, bucket: Bucket) -> Home:
        """The same bucket, whatever its name is now, if it takes objects. Raises
        `BucketNotFound`."""
        sql = "SELECT row FROM buckets WHERE id = ? AND state = ?"
        found: Any = self._run(sql, (bucket.key, ACTIVE)).get
        if found is None:
            raise BucketNotFound(bucket.info.name)
        return Home(bucket.key, decode_bucket(found).versioning)

    def find(self, bucket: int, name: bytes, version: str | None = None) -> Stored | None:
        """The current version, or delete marker, or the version of that id. Raises
        `Leaving`: what is said of that name may not be true any more."""
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

    def count_versions(self, bucket: int, name: bytes) -> int:
        """Those beside the current object, or all when that is a delete marker."""
        sql = "SELECT count(*) FROM versions WHERE bucket = ? AND name = ?"
        count: Any = self._run(sql, (bucket, name)).get
        return int(count)

    def replaced(self, home: Home, name: bytes, current: Stored | None) -> Stored | None:
        """The version that gives way to a new one, in either table: the null version, unless
        the bucket keeps all."""
        if home.keeps or current is None:
            return None
        if current.row.version == NULL_VERSION:
            return current
        return self.find(home.key, name, NULL_VERSION)

    # The caller has looked at everything first, because nothing may be refused once it is written.
    def put(
        self,
        home: Home,
        name: bytes,
        new: Stored,
        current: Stored | None,
        replaced: Stored | None,
    ) -> None:
        """Write the new current version on top of `current`, and take `replaced` out."""
        if replaced is not None:
            self._drop_bytes(home.key, replaced)
            if replaced.age is not None:
                self._delete_version(home.key, name, replaced.age)
        if current is not None and current.age is None and current is not replaced:
            self._run(_DEMOTE, (home.key, name, current.row.version))
        if new.row.delete_marker:
            if current is not None and current.age is None:
                self._delete_object(home.key, name)
            marker = (home.key, name, new.row.version, encode(new.row))
            self._run(_ADD_MARKER, marker)
        else:
            values = (home.key, name, encode(new.row), new.payload)
            self._run("INSERT OR REPLACE INTO objects VALUES(?, ?, ?, ?)", values)
            self._count(home.key, 1, new.row.size)

    def replace_row(self, bucket: int, name: bytes, old: Stored, row: Row) -> None:
        """Same bytes, other facts."""
        if old.age is None:
            sql = "UPDATE objects SET row = ? WHERE bucket = ? AND name = ?"
            self._run(sql, (encode(row), bucket, name))
        else:
            sql = "UPDATE versions SET row = ? WHERE bucket = ? AND name = ? AND age = ?"
            self._run(sql, (encode(row), bucket, name, old.age))

    def replace_bytes(
        self, bucket: int, name: bytes, old: Stored, row: Row, payload: bytes | None
    ) -> None:
        """The same version, whose bytes are elsewhere now."""
        self._drop_bytes(bucket, old)
        values = (encode(row), self.add_payload(payload), bucket, name)
        if old.age is None:
            sql = "UPDATE objects SET row = ?, payload = ? WHERE bucket = ? AND name = ?"
            self._run(sql, values)
        else:
            sql = """UPDATE versions SET row = ?, payload = ?
            WHERE bucket = ? AND name = ? AND age = ?"""
            self._run(sql, (*values, old.age))
        self._count(bucket, 1, row.size)

    def remove(self, home: Home, name: bytes, old: Stored) -> None:
        """For good; the version before a current one becomes current, if it is an object."""
        self._drop_bytes(home.key, old)
        if home.versioning is Versioning.NEVER:
            self._delete_object(home.key, name)
        else:
            self._take_out(home.key, name, old)

    def move(self, bucket: int, name: bytes, stored: Stored, to: bytes) -> Row:
        """Take the current version out and leave its bytes to another name, for a row that says
        under which name they were written."""
        self._take_out(bucket, name, stored)
        self._count(bucket, -1, -stored.row.size)
        return self.relabelled(bucket, name, stored.row, to)

    def relabelled(self, bucket: int, name: bytes, row: Row, to: bytes) -> Row:
        """Note that an object moves from `name` to another, and return its new row."""
        if (blob := row.own_blob()) is None:
            return row
        label = row.label.encode() or name
        if label == to:
            self._forget_label(bucket, row)
            return msgspec.structs.replace(row, label="")
        values = (bucket, label, blob, to)
        self._run("INSERT OR REPLACE INTO renamed VALUES(?, ?, ?, ?)", values)
        return msgspec.structs.replace(row, label=label.decode())

    def leave(self, bucket: int, name: bytes, departure: Departure) -> None:
        """Note that the current version is about to go to another mountpath."""
        self._run("INSERT INTO leaving VALUES(?, ?, ?)", (bucket, name, encode(departure)))

    def stay(self, bucket: int, name: bytes) -> None:
        self._run("DELETE FROM leaving WHERE bucket = ? AND name = ?", (bucket, name))
        self._leaving = None

    def arrive(self, departure: Departure, now_ns: int) -> None:
        """Note that it is here now. All earlier ones are settled, and forgotten in time."""
        old = f"{max(0, now_ns - _ARRIVALS_KEPT_NS):016x}"
        self._run("DELETE FROM arrived WHERE id < ?", (old,))
        self._run("INSERT INTO arrived VALUES(?)", (departure.id,))

    def payload(self, key: int | None) -> bytes | None:
        found: Any = self._run("SELECT data FROM payloads WHERE id = ?", (key,)).get
        return None if found is None else bytes(found)

    def give_away(self, bucket: int, name: bytes, stored: Stored) -> None:
        """Take the current version out, whose bytes are those of a row in another index now."""
        self._take_out(bucket, name, stored)
        self._drop_row(bucket, stored)

    def _take_out(self, bucket: int, name: bytes, stored: Stored) -> None:
        if stored.age is None:
            self._delete_object(bucket, name)
        else:
            self._delete_version(bucket, name, stored.age)
        # An object that was not current leaves no place free.
        if stored.age is None or stored.row.delete_marker:
            self.promote(bucket, name)

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

    def add_payload(self, payload: bytes | None) -> int | None:
        if payload is None:
            return None
        self._run("INSERT INTO payloads(data) VALUES(?)", (payload,))
        return self.connection.last_insert_rowid()

    def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None:
        sql = "SELECT row FROM uploads WHERE bucket = ? AND name = ? AND id = ?"
        found: Any = self._run(sql, (bucket, name, upload)).get
        return None if found is None else decode_upload(found)

    def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None:
        values = (bucket, name, upload.id, encode(upload))
        self._run("INSERT INTO uploads VALUES(?, ?, ?, ?)", values)

    def put_part(self, upload: str, part: PartRow) -> None:
        """Replace an earlier part of that number; its blob becomes garbage."""
        where = (upload, part.info.number)
        old: Any = self._run("SELECT row FROM parts WHERE upload = ? AND number = ?", where).get
        if old is not None and (chunk := decode_part(old).chunk):
            self.discard([chunk.blob])
        self._run("INSERT OR REPLACE INTO parts VALUES(?, ?, ?)", (*where, encode(part)))

    def parts(self, upload: str) -> dict[int, PartRow]:
        rows: Any = self._run("SELECT row FROM parts WHERE upload = ?", (upload,))
        parts = (decode_part(row) for (row,) in rows)
        return {part.info.number: part for part in parts}

    def remove_upload(
        self, bucket: int, name: bytes, upload: str, *, keep: frozenset[str] = frozenset()
    ) -> None:
        """Forget the upload; the blobs of its parts are garbage but for those in `keep`."""
        for part in self.parts(upload).values():
            if part.chunk and part.chunk.blob not in keep:
                self.discard([part.chunk.blob])
        self._run("DELETE FROM parts WHERE upload = ?", (upload,))
        where = (bucket, name, upload)
        self._run("DELETE FROM uploads WHERE bucket = ? AND name = ? AND id = ?", where)

    def completed(self, bucket: int, name: bytes, upload: str) -> Row | None:
        """The object that the upload became, if it was completed lately."""
        sql = "SELECT row FROM completed WHERE upload = ? AND bucket = ? AND name = ?"
        found: Any = self._run(sql, (upload, bucket, name)).get
        return None if found is None else decode_row(found)

    def add_completed(self, bucket: int, name: bytes, upload: str, row: Row, time_ns: int) -> None:
        values = (upload, bucket, name, time_ns, encode(row))
        self._run("INSERT INTO completed VALUES(?, ?, ?, ?, ?)", values)

    def discard(self, blobs: Sequence[str], mountpath: str = "") -> None:
        """Hand blobs to the garbage collector; readers lock the first of them."""
        names = [garbage_name(blob, mountpath) for blob in blobs]
        self._run("INSERT INTO garbage(blobs) VALUES(?)", (encode(names),))

    def drop(self, bucket: int, old: Stored) -> None:
        """Give up the bytes of a version whose row is deleted too."""
        self._drop_bytes(bucket, old)

    def flush(self) -> None:
        """Write the counters; a bucket removed in this very transaction has no row to count in."""
        for bucket, (objects, size) in self._usage.items():
            sql = "UPDATE usage SET objects = objects + ?, bytes = bytes + ? WHERE bucket = ?"
            self._run(sql, (objects, size, bucket))
        if self.connection.total_changes() != self._changes:
            counted: Any = self._run(COUNT).get
            self.count = counted or 0

    def _drop_bytes(self, bucket: int, old: Stored) -> None:
        if old.row.delete_marker:
            return
        match old.row.location:
            case Single(chunk):
                self.discard([chunk.blob], old.row.mountpath)
            case Chunked(sidecar):
                blobs = [sidecar, *self._manifest(old.payload).blobs()]
                self.discard(blobs, old.row.mountpath)
        self._drop_row(bucket, old)

    def _drop_row(self, bucket: int, old: Stored) -> None:
        if old.payload is not None:
            self._run("DELETE FROM payloads WHERE id = ?", (old.payload,))
        if old.row.label:
            self._forget_label(bucket, old.row)
        self._count(bucket, -1, -old.row.size)

    def _forget_label(self, bucket: int, row: Row) -> None:
        sql = "DELETE FROM renamed WHERE bucket = ? AND label = ? AND blob = ?"
        self._run(sql, (bucket, row.label.encode(), row.own_blob()))

    def _manifest(self, payload: int | None) -> Manifest:
        content = self.payload(payload)
        if content is None:
            raise Corrupt(f"the index lacks payload {payload}, a manifest")
        return decode_manifest(content)

    def _count(self, bucket: int, objects: int, size: int) -> None:
        counters = self._usage.setdefault(bucket, [0, 0])
        counters[0] += objects
        counters[1] += size


def in_transaction(connection: apsw.Connection, mutation: Callable[[Transaction], T]) -> T:
    """Run one mutation and commit it, for those who own a connection and have no committer."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        with errno_kept(connection):
            transaction = Transaction(connection)
            result = mutation(transaction)
            transaction.flush()
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some failures have rolled it back already
            connection.execute("ROLLBACK")
        raise
    return result
