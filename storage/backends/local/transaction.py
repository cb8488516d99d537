"""What a mutation can do to the index inside a transaction, in the words of the store.

A mutation checks first and writes afterwards: what raises before it wrote anything is a refusal
of that mutation alone and costs no savepoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apsw

from storage.backends.local.index import ACTIVE
from storage.backends.local.rows import (
    Chunked,
    Manifest,
    PartRow,
    Row,
    Single,
    decode_manifest,
    decode_part,
    decode_row,
    decode_upload,
    encode,
)
from storage.errors import BucketNotFound
from storage.values import UploadInfo

T = TypeVar("T")


class Stored:
    """An object as the transaction finds it."""

    __slots__ = ("payload", "row")

    def __init__(self, row: Row, payload: int | None) -> None:
        self.row = row
        self.payload = payload


class Transaction:
    """One open write transaction. Counters are kept aside and written once, before the commit."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._run = connection.execute
        self._usage: dict[int, list[int]] = {}

    def bucket(self, name: str) -> int:
        """The id of a bucket that takes objects. Raises `BucketNotFound`."""
        sql = "SELECT id FROM buckets WHERE name = ? AND state = ?"
        found: Any = self._run(sql, (name, ACTIVE)).get
        if found is None:
            raise BucketNotFound(name)
        return int(found)

    def find(self, bucket: int, name: bytes) -> Stored | None:
        sql = "SELECT row, payload FROM objects WHERE bucket = ? AND name = ?"
        found: Any = self._run(sql, (bucket, name)).get
        return None if found is None else Stored(decode_row(found[0]), found[1])

    def put(
        self, bucket: int, name: bytes, row: Row, payload: bytes | None, old: Stored | None
    ) -> None:
        """Write the object over `old`, whose bytes become garbage."""
        if old is not None:
            self._drop_bytes(old)
        key = None if payload is None else self._add_payload(payload)
        values = (bucket, name, encode(row), key)
        self._run("INSERT OR REPLACE INTO objects VALUES(?, ?, ?, ?)", values)
        self._count(bucket, old is None, row.size - (old.row.size if old else 0))

    def replace_row(self, bucket: int, name: bytes, row: Row) -> None:
        """Same bytes, other facts."""
        sql = "UPDATE objects SET row = ? WHERE bucket = ? AND name = ?"
        self._run(sql, (encode(row), bucket, name))

    def remove(self, bucket: int, name: bytes, old: Stored) -> None:
        self._drop_bytes(old)
        self._run("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name))
        self._count(bucket, -1, -old.row.size)

    def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None:
        sql = "SELECT row FROM uploads WHERE bucket = ? AND name = ? AND id = ?"
        found: Any = self._run(sql, (bucket, name, upload)).get
        return None if found is None else decode_upload(found)

    def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None:
        values = (bucket, name, upload.id, encode(upload))
        self._run("INSERT INTO uploads VALUES(?, ?, ?, ?)", values)

    def put_part(self, upload: str, part: PartRow) -> None:
        """Replaces an earlier part of that number, which becomes garbage."""
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

    def add_completed(self, bucket: int, name: bytes, upload: str, row: Row) -> None:
        values = (upload, bucket, name, row.modified_ns, encode(row))
        self._run("INSERT INTO completed VALUES(?, ?, ?, ?, ?)", values)

    def discard(self, blobs: Sequence[str]) -> None:
        """Hand blobs to the garbage collector; readers lock the first of them."""
        self._run("INSERT INTO garbage(blobs) VALUES(?)", (encode(blobs),))

    def flush(self) -> None:
        """Write the counters; a bucket removed in this very transaction has no row to count in."""
        for bucket, (objects, size) in self._usage.items():
            sql = "UPDATE usage SET objects = objects + ?, bytes = bytes + ? WHERE bucket = ?"
            self._run(sql, (objects, size, bucket))

    def _drop_bytes(self, old: Stored) -> None:
        match old.row.location:
            case Single(chunk):
                self.discard([chunk.blob])
            case Chunked(sidecar):
                self.discard([sidecar, *self._manifest(old.payload).blobs()])
        if old.payload is not None:
            self._run("DELETE FROM payloads WHERE id = ?", (old.payload,))

    def _manifest(self, payload: int | None) -> Manifest:
        found: Any = self._run("SELECT data FROM payloads WHERE id = ?", (payload,)).get
        return decode_manifest(found)

    def _add_payload(self, payload: bytes) -> int:
        self._run("INSERT INTO payloads(data) VALUES(?)", (payload,))
        return self.connection.last_insert_rowid()

    def _count(self, bucket: int, objects: int, size: int) -> None:
        counters = self._usage.setdefault(bucket, [0, 0])
        counters[0] += objects
        counters[1] += size


def in_transaction(connection: apsw.Connection, mutation: Callable[[Transaction], T]) -> T:
    """Run one mutation and commit it, for those who own a connection and have no committer."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        transaction = Transaction(connection)
        result = mutation(transaction)
        transaction.flush()
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return result
