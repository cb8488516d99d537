"""Buckets: rows in the first mountpath's index are the truth, the others repeat them with the
same id, so that each transaction of an object finds its bucket in its own index.

Making and removing one touches several indexes. A file lock keeps other processes from doing the
same meanwhile, and `reconcile` mends what a crash left half done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import apsw

from storage.backend import BucketChange
from storage.backends.local.core import Core
from storage.backends.local.disk import Disk
from storage.backends.local.index import ACTIVE, DELETING
from storage.backends.local.rows import decode_bucket, encode
from storage.backends.local.transaction import Transaction, in_transaction
from storage.errors import BucketExists, BucketNotEmpty, StorageError
from storage.made import bucket_info
from storage.mountpath import FileLock
from storage.values import BucketInfo, BucketOptions


class Buckets(Core):
    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        info = bucket_info(name, options, self._clock.now_ns())
        async with self._bucket_lock():
            await self._to_the_end(self._create(info))
        return info

    async def _create(self, info: BucketInfo) -> None:
        first, *others = self._disks
        key = await first.committer.run(CreateBucket(info))
        for disk in others:
            await disk.committer.run(CopyBucket(key, ACTIVE, info))

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        async with self._bucket_lock():
            return await self._to_the_end(self._update(name, change))

    async def _update(self, name: str, change: BucketChange) -> BucketInfo:
        first, *others = self._disks
        info = await first.committer.run(UpdateBucket(name, change))
        for disk in others:
            await disk.committer.run(UpdateBucket(name, lambda _: info))
        return info

    async def head_bucket(self, name: str) -> BucketInfo:
        return self._disks[0].bucket(name)[1]

    async def list_buckets(self) -> list[BucketInfo]:
        return await self._scan(_list, self._disks[0])

    async def delete_bucket(self, name: str) -> None:
        async with self._bucket_lock():
            await self._to_the_end(self._remove(name))

    async def _remove(self, name: str) -> None:
        """The first goes last: until then the bucket is there, and a crash is mended."""
        self._disks[0].bucket(name)
        await self._in_thread(self._crossings.settle)
        for disk in self._disks:
            # Looked at first, so that a refusal does not stop puts elsewhere for a moment.
            await self._in_thread(_require_empty, disk, name)
        marked: list[Disk] = []
        try:
            for disk in self._disks:
                await disk.committer.run(MarkBucket(name))
                marked.append(disk)
        except StorageError:
            for disk in marked:
                await disk.committer.run(UnmarkBucket(name))
            raise
        for disk in reversed(self._disks):
            await disk.committer.run(RemoveBucket(name))

    @asynccontextmanager
    async def _bucket_lock(self) -> AsyncIterator[None]:
        async with self._bucket_changes:
            lock = await self._in_thread(FileLock, self._disks[0].mountpath.buckets_lock)
            try:
                yield
            finally:
                lock.close()


def _require_empty(disk: Disk, name: str) -> None:
    with disk.snapshot() as connection:
        key: Any = connection.execute("SELECT id FROM buckets WHERE name = ?", (name,)).get
        if key is not None and _holds_objects(connection, key):
            raise BucketNotEmpty(name)


def _list(disk: Disk) -> list[BucketInfo]:
    with disk.snapshot() as connection:
        rows: Any = connection.execute("SELECT row FROM buckets ORDER BY name").fetchall()
    return [decode_bucket(row) for (row,) in rows]


@dataclass(frozen=True, slots=True)
class CreateBucket:
    """In the first mountpath; gives the id."""

    info: BucketInfo

    def __call__(self, transaction: Transaction) -> int:
        run = transaction.connection.execute
        found: Any = run("SELECT row FROM buckets WHERE name = ?", (self.info.name,)).get
        if found is not None:
            raise BucketExists(self.info.name, decode_bucket(found).owner)
        sql = "INSERT INTO buckets(name, state, row) VALUES(?, ?, ?)"
        run(sql, (self.info.name, ACTIVE, encode(self.info)))
        key = transaction.connection.last_insert_rowid()
        run("INSERT INTO usage VALUES(?, 0, 0)", (key,))
        return key


@dataclass(frozen=True, slots=True)
class CopyBucket:
    """In another mountpath, with the id that the first gave."""

    key: int
    state: int
    info: BucketInfo

    def __call__(self, transaction: Transaction) -> None:
        run = transaction.connection.execute
        row = (self.key, self.info.name, self.state, encode(self.info))
        run("INSERT OR REPLACE INTO buckets VALUES(?, ?, ?, ?)", row)
        run("INSERT OR IGNORE INTO usage VALUES(?, 0, 0)", (self.key,))


@dataclass(frozen=True, slots=True)
class UpdateBucket:
    """Other facts of the same bucket."""

    name: str
    change: BucketChange

    def __call__(self, transaction: Transaction) -> BucketInfo:
        key = transaction.bucket(self.name)
        run = transaction.connection.execute
        old: Any = run("SELECT row FROM buckets WHERE id = ?", (key,)).get
        info = self.change(decode_bucket(old))
        run("UPDATE buckets SET row = ? WHERE id = ?", (encode(info), key))
        return info


@dataclass(frozen=True, slots=True)
class MarkBucket:
    """From here on the bucket takes no objects, if it has none. An earlier removal that a failing
    disk stopped may have marked it, or removed it here."""

    name: str

    def __call__(self, transaction: Transaction) -> None:
        key = _key(transaction, self.name)
        if key is not None and _holds_objects(transaction.connection, key):
            raise BucketNotEmpty(self.name)
        _set_state(transaction, self.name, DELETING)


@dataclass(frozen=True, slots=True)
class UnmarkBucket:
    name: str

    def __call__(self, transaction: Transaction) -> None:
        _set_state(transaction, self.name, ACTIVE)


@dataclass(frozen=True, slots=True)
class RemoveBucket:
    """The bucket, its unfinished uploads and what it remembers of finished ones."""

    name: str

    def __call__(self, transaction: Transaction) -> None:
        run = transaction.connection.execute
        key = _key(transaction, self.name)
        if key is None:
            return
        uploads: Any = run("SELECT name, id FROM uploads WHERE bucket = ?", (key,)).fetchall()
        for name, upload in uploads:
            transaction.remove_upload(key, name, upload)
        for sql in (
            "DELETE FROM completed WHERE bucket = ?",
            "DELETE FROM usage WHERE bucket = ?",
            "DELETE FROM buckets WHERE id = ?",
        ):
            run(sql, (key,))


def _key(transaction: Transaction, name: str) -> int | None:
    """The id of the bucket, active or not."""
    sql = "SELECT id FROM buckets WHERE name = ?"
    key: int | None = transaction.connection.execute(sql, (name,)).get
    return key


def _set_state(transaction: Transaction, name: str, state: int) -> None:
    transaction.connection.execute("UPDATE buckets SET state = ? WHERE name = ?", (state, name))


def _holds_objects(connection: apsw.Connection, key: int) -> bool:
    """Or delete markers."""
    sql = """SELECT EXISTS(SELECT 1 FROM objects WHERE bucket = ?1)
    OR EXISTS(SELECT 1 FROM versions WHERE bucket = ?1)"""
    found: Any = connection.execute(sql, (key,)).get
    return bool(found)


def reconcile(connections: Sequence[apsw.Connection]) -> None:
    """Mend buckets that were being made or removed; the caller holds the buckets' lock."""
    truth = _rows(connections[0])
    for name, (key, state, info) in truth.items():
        empty = not any(_holds_objects(connection, key) for connection in connections)
        if state == DELETING and empty:
            _remove_everywhere(connections, name)
        else:
            for connection in connections:
                _repair(connection, key, info)
    for connection in connections[1:]:
        for name in _rows(connection).keys() - truth.keys():
            in_transaction(connection, RemoveBucket(name))


def _rows(connection: apsw.Connection) -> dict[str, tuple[int, int, BucketInfo]]:
    rows: Any = connection.execute("SELECT name, id, state, row FROM buckets").fetchall()
    return {name: (key, state, decode_bucket(row)) for name, key, state, row in rows}


def _remove_everywhere(connections: Sequence[apsw.Connection], name: str) -> None:
    for connection in reversed(connections):
        if name in _rows(connection):
            in_transaction(connection, RemoveBucket(name))


def _repair(connection: apsw.Connection, key: int, info: BucketInfo) -> None:
    if _rows(connection).get(info.name) != (key, ACTIVE, info):
        in_transaction(connection, CopyBucket(key, ACTIVE, info))
