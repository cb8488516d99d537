"""Changes of buckets as values: functions of a transaction, like `mutations` for objects.

Those in the first mountpath's index are authoritative and counted: `revision` grows with each.
"""

from __future__ import annotations

from typing import Any, ClassVar

import apsw
import msgspec
from msgspec import Struct

from storage.backend import BucketChange
from storage.backends.local.index import ACTIVE, DELETING
from storage.backends.local.transaction import Transaction
from storage.errors import BucketExists, BucketNotEmpty, BucketNotFound
from storage.index.rows import decode_bucket, encode
from storage.index.versions import Bucket
from storage.values import BucketInfo

_COUNT = """
INSERT INTO counters VALUES('buckets', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1"""


def revision(connection: apsw.Connection) -> int:
    """1 for a store that was never changed."""
    found: Any = connection.execute("SELECT value FROM counters WHERE name = 'buckets'").get
    return 1 + (found or 0)


def holds_objects(connection: apsw.Connection, key: int) -> bool:
    """Or delete markers."""
    sql = """SELECT EXISTS(SELECT 1 FROM objects WHERE bucket = ?1)
    OR EXISTS(SELECT 1 FROM versions WHERE bucket = ?1)"""
    found: Any = connection.execute(sql, (key,)).get
    return bool(found)


class CreateBucket(Struct, frozen=True):
    """In the first mountpath."""

    info: BucketInfo

    def __call__(self, transaction: Transaction) -> Bucket:
        run, info = transaction.connection.execute, self.info
        _require_free(transaction, info.name)
        sql = "INSERT INTO buckets(name, state, row) VALUES(?, ?, ?)"
        run(sql, (info.name, ACTIVE, encode(info)))
        key = transaction.connection.last_insert_rowid()
        if run("SELECT 1 FROM labels WHERE label = ?", (info.name,)).get is not None:
            info = msgspec.structs.replace(info, label=f"{info.name}#{key}")
            run("UPDATE buckets SET row = ? WHERE id = ?", (encode(info), key))
            _set_label(transaction, key, info.label)
        run("INSERT INTO usage VALUES(?, 0, 0)", (key,))
        run(_COUNT)
        return Bucket(key, info)


class CopyBucket(Struct, frozen=True):
    """In another mountpath, with the id that the first gave, whatever is there."""

    bucket: Bucket

    def __call__(self, transaction: Transaction) -> None:
        run, (key, info) = transaction.connection.execute, self.bucket
        # The bucket that had the name has another one by now, and gets its own copy next.
        run("UPDATE buckets SET name = '#' || id WHERE name = ? AND id <> ?", (info.name, key))
        row = (key, info.name, ACTIVE, encode(info))
        run("INSERT OR REPLACE INTO buckets VALUES(?, ?, ?, ?)", row)
        run("INSERT OR IGNORE INTO usage VALUES(?, 0, 0)", (key,))
        _set_label(transaction, key, info.label)


class RestoreBucket(CopyBucket, frozen=True):
    """In any mountpath: what it had before a change that another had no room for."""

    makes_room: ClassVar[bool] = True


class UpdateBucket(Struct, frozen=True):
    """Other facts of the same bucket."""

    name: str
    change: BucketChange

    def __call__(self, transaction: Transaction) -> Bucket:
        key, old = find_active(transaction, self.name)
        info = self.change(old)
        if info != old:
            sql = "UPDATE buckets SET row = ? WHERE id = ?"
            transaction.connection.execute(sql, (encode(info), key))
            transaction.connection.execute(_COUNT)
        return Bucket(key, info)


class RenameBucket(Struct, frozen=True):
    """In the first mountpath: from this commit on it has the new name."""

    name: str
    new_name: str
    change: BucketChange

    def __call__(self, transaction: Transaction) -> Bucket:
        key, old = find_active(transaction, self.name)
        _require_free(transaction, self.new_name)
        info = renamed(self.change(old), self.new_name)
        run = transaction.connection.execute
        run("UPDATE buckets SET name = ?, row = ? WHERE id = ?", (info.name, encode(info), key))
        _set_label(transaction, key, info.label)
        run(_COUNT)
        return Bucket(key, info)


def renamed(bucket: BucketInfo, name: str) -> BucketInfo:
    label = bucket.lasting_name
    return msgspec.structs.replace(bucket, name=name, label="" if label == name else label)


class MarkBucket(Struct, frozen=True):
    """Let the bucket take no objects from here on, if it is empty. An earlier removal that a
    failing disk stopped may have marked it, or removed it here."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket

    def __call__(self, transaction: Transaction) -> None:
        if holds_objects(transaction.connection, self.bucket.key):
            raise BucketNotEmpty(self.bucket.info.name)
        _set_state(transaction, self.bucket.key, DELETING)


class UnmarkBucket(Struct, frozen=True):
    makes_room: ClassVar[bool] = True

    bucket: Bucket

    def __call__(self, transaction: Transaction) -> None:
        _set_state(transaction, self.bucket.key, ACTIVE)


class RemoveBucket(Struct, frozen=True):
    """The bucket, its unfinished uploads and what it remembers of finished ones."""

    makes_room: ClassVar[bool] = True

    key: int

    def __call__(self, transaction: Transaction) -> None:
        run, key = transaction.connection.execute, self.key
        uploads: Any = run("SELECT name, id FROM uploads WHERE bucket = ?", (key,)).fetchall()
        for name, upload in uploads:
            transaction.remove_upload(key, name, upload)
        for sql in (
            "DELETE FROM completed WHERE bucket = ?",
            "DELETE FROM usage WHERE bucket = ?",
            "DELETE FROM labels WHERE bucket = ?",
            "DELETE FROM buckets WHERE id = ?",
        ):
            run(sql, (key,))
        run(_COUNT)


class TrashBucket(Struct, frozen=True):
    """From this commit on the bucket is not found. Its label stays reserved while a blob has it."""

    makes_room: ClassVar[bool] = True

    name: str
    change: BucketChange

    def __call__(self, transaction: Transaction) -> Bucket:
        bucket = find_active(transaction, self.name)
        self.change(bucket.info)
        put_into_trash(transaction, bucket)
        transaction.connection.execute(_COUNT)
        return bucket


class CopyTrash(Struct, frozen=True):
    """In another mountpath."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket

    def __call__(self, transaction: Transaction) -> None:
        put_into_trash(transaction, self.bucket)


def put_into_trash(transaction: Transaction, bucket: Bucket) -> None:
    run = transaction.connection.execute
    run("DELETE FROM buckets WHERE id = ?", (bucket.key,))
    run("INSERT OR REPLACE INTO trash VALUES(?, ?)", (bucket.key, encode(bucket.info)))
    _set_label(transaction, bucket.key, bucket.label)


def find_active(transaction: Transaction, name: str) -> Bucket:
    """Raises `BucketNotFound`."""
    sql = "SELECT id, row FROM buckets WHERE name = ? AND state = ?"
    found: Any = transaction.connection.execute(sql, (name, ACTIVE)).get
    if found is None:
        raise BucketNotFound(name)
    return Bucket(found[0], decode_bucket(found[1]))


def _require_free(transaction: Transaction, name: str) -> None:
    sql = "SELECT row FROM buckets WHERE name = ?"
    found: Any = transaction.connection.execute(sql, (name,)).get
    if found is not None:
        raise BucketExists(name, decode_bucket(found).owner)


def _set_label(transaction: Transaction, key: int, label: str) -> None:
    """Empty where it is the name."""
    run = transaction.connection.execute
    run("DELETE FROM labels WHERE bucket = ?", (key,))
    if label:
        run("INSERT OR REPLACE INTO labels VALUES(?, ?)", (label, key))


def _set_state(transaction: Transaction, key: int, state: int) -> None:
    transaction.connection.execute("UPDATE buckets SET state = ? WHERE id = ?", (state, key))
