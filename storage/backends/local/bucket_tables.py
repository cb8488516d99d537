"""Buckets in a transaction on the index of one mountpath.

The first mountpath's index decides; the others repeat its rows under the same ids.
"""

from __future__ import annotations

from typing import Any

import apsw

from storage.backends.local.index import ACTIVE
from storage.errors import BucketNotFound
from storage.index.rows import decode_bucket, encode
from storage.index.versions import Bucket, Home
from storage.values import BucketInfo

_COUNT_BUCKET_CHANGE = """
INSERT INTO counters VALUES('buckets', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1"""


class BucketTables:
    """The part of `SqliteTransaction` that is about buckets."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._run = connection.execute

    async def hold(self, bucket: Bucket, *names: bytes) -> Home:
        sql = "SELECT row FROM buckets WHERE id = ? AND state = ?"
        found: Any = self._run(sql, (bucket.key, ACTIVE)).get
        if found is None:
            raise BucketNotFound(bucket.info.name)
        return Home(bucket.key, decode_bucket(found).versioning)

    async def hold_bucket(self, name: str) -> Bucket:
        sql = "SELECT id, row FROM buckets WHERE name = ? AND state = ?"
        found: Any = self._run(sql, (name, ACTIVE)).get
        if found is None:
            raise BucketNotFound(name)
        return Bucket(found[0], decode_bucket(found[1]))

    async def hold_bucket_name(self, name: str) -> BucketInfo | None:
        found: Any = self._run("SELECT row FROM buckets WHERE name = ?", (name,)).get
        return None if found is None else decode_bucket(found)

    async def add_bucket(self, info: BucketInfo) -> Bucket:
        sql = "INSERT INTO buckets(name, state, row) VALUES(?, ?, ?)"
        self._run(sql, (info.name, ACTIVE, encode(info)))
        key = self.connection.last_insert_rowid()
        self._run("INSERT INTO usage VALUES(?, 0, 0)", (key,))
        return Bucket(key, info)

    async def has_label(self, label: str) -> bool:
        return self._run("SELECT 1 FROM labels WHERE label = ?", (label,)).get is not None

    async def set_bucket(self, bucket: Bucket) -> None:
        key, info = bucket
        sql = "UPDATE buckets SET name = ?, row = ? WHERE id = ?"
        self._run(sql, (info.name, encode(info), key))
        self._set_label(key, info.label)

    async def remove_bucket(self, key: int) -> None:
        self._forget_bucket(key)
        self._run("DELETE FROM buckets WHERE id = ?", (key,))

    async def trash_bucket(self, bucket: Bucket) -> None:
        key, info = bucket
        self._run("DELETE FROM buckets WHERE id = ?", (key,))
        self._run("INSERT OR REPLACE INTO trash VALUES(?, ?)", (key, encode(info)))
        self._set_label(key, bucket.label)

    async def forget_trash(self, key: int) -> None:
        self._forget_bucket(key)
        self._run("DELETE FROM trash WHERE id = ?", (key,))

    def _forget_bucket(self, key: int) -> None:
        for table in ("completed", "usage", "labels"):
            self._run(f"DELETE FROM {table} WHERE bucket = ?", (key,))

    def _set_label(self, key: int, label: str) -> None:
        """Empty where it is the name."""
        self._run("DELETE FROM labels WHERE bucket = ?", (key,))
        if label:
            self._run("INSERT OR REPLACE INTO labels VALUES(?, ?)", (label, key))

    async def count_bucket_change(self) -> None:
        self._run(_COUNT_BUCKET_CHANGE)

    def copy_bucket(self, bucket: Bucket) -> None:
        """Write a bucket with the id that another index gave it, whatever is there."""
        key, info = bucket
        # The bucket that had the name has another one by now, and gets its own copy next.
        sql = "UPDATE buckets SET name = '#' || id WHERE name = ? AND id <> ?"
        self._run(sql, (info.name, key))
        row = (key, info.name, ACTIVE, encode(info))
        self._run("INSERT OR REPLACE INTO buckets VALUES(?, ?, ?, ?)", row)
        self._run("INSERT OR IGNORE INTO usage VALUES(?, 0, 0)", (key,))
        self._set_label(key, info.label)

    def set_state(self, bucket: int, state: int) -> None:
        self._run("UPDATE buckets SET state = ? WHERE id = ?", (state, bucket))
