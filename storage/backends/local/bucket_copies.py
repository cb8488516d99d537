"""Changes of buckets on several mountpaths, beside those of the index that decides.

They repeat in the other indexes what was changed there, and take a bucket back or away in steps.
"""

from __future__ import annotations

from typing import Any, ClassVar

import apsw
from msgspec import Struct

from storage.backends.local.index import ACTIVE, DELETING
from storage.backends.local.transaction import SqliteTransaction
from storage.errors import BucketNotEmpty
from storage.index.versions import Bucket


def revision(connection: apsw.Connection) -> int:
    """The number that grows with each change; 1 for a store that was never changed."""
    found: Any = connection.execute("SELECT value FROM counters WHERE name = 'buckets'").get
    return 1 + (found or 0)


def holds_objects(connection: apsw.Connection, key: int) -> bool:
    """Or delete markers."""
    sql = """SELECT EXISTS(SELECT 1 FROM objects WHERE bucket = ?1)
    OR EXISTS(SELECT 1 FROM versions WHERE bucket = ?1)"""
    found: Any = connection.execute(sql, (key,)).get
    return bool(found)


class CopyBucket(Struct, frozen=True):
    """In another mountpath, with the id that the first gave, whatever is there."""

    bucket: Bucket

    async def __call__(self, transaction: SqliteTransaction) -> None:
        transaction.copy_bucket(self.bucket)


class RestoreBucket(CopyBucket, frozen=True):
    """In any mountpath: what it had before a change that another had no room for."""

    makes_room: ClassVar[bool] = True


class MarkBucket(Struct, frozen=True):
    """Let the bucket take no objects from here on, if it is empty. An earlier removal that a
    failing disk stopped may have marked it, or removed it here."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket

    async def __call__(self, transaction: SqliteTransaction) -> None:
        if holds_objects(transaction.connection, self.bucket.key):
            raise BucketNotEmpty(self.bucket.info.name)
        transaction.set_state(self.bucket.key, DELETING)


class UnmarkBucket(Struct, frozen=True):
    makes_room: ClassVar[bool] = True

    bucket: Bucket

    async def __call__(self, transaction: SqliteTransaction) -> None:
        transaction.set_state(self.bucket.key, ACTIVE)


class CopyTrash(Struct, frozen=True):
    """In another mountpath."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket

    async def __call__(self, transaction: SqliteTransaction) -> None:
        await transaction.trash_bucket(self.bucket)
