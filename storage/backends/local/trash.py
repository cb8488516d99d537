"""Removal of the objects of discarded buckets, a bounded step at a time.

A bucket leaves the trash of a mountpath when nothing of it is there any more, and the trash of the
first one when it has left all others: until then its label stays reserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
from msgspec import Struct

from storage import failpoints
from storage.backends.local.bucket_names import names_by_label, write_names
from storage.backends.local.mountpath import FileLock, Mountpath
from storage.backends.local.transaction import Transaction, in_transaction
from storage.index.rows import decode_row
from storage.index.versions import Stored

BITE = 500
# Each has up to ten thousand parts.
_UPLOADS = 5


def empty_some(
    mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection], number: int
) -> bool:
    """A bite of the trash of that mountpath; whether there is more of it."""
    connection = connections[number]
    for key in trashed(connection):
        if in_transaction(connection, _Bite(key)):
            failpoints.hit("bucket_trash_after_bite")
            return True
        if number > 0:
            in_transaction(connection, _Forget(key))
            failpoints.hit("bucket_trash_after_others")
        elif not any(_knows(other, key) for other in connections[1:]):
            _end(mountpaths, connection, key)
    return False


def trashed(connection: apsw.Connection) -> list[int]:
    rows: Any = connection.execute("SELECT id FROM trash ORDER BY id").fetchall()
    return [key for (key,) in rows]


def _knows(connection: apsw.Connection, key: int) -> bool:
    """In its trash, or not there yet, if a process died on the way."""
    sql = "SELECT 1 FROM trash WHERE id = ?1 UNION ALL SELECT 1 FROM buckets WHERE id = ?1"
    return connection.execute(sql, (key,)).get is not None


def _end(mountpaths: Sequence[Mountpath], first: apsw.Connection, key: int) -> None:
    """The label is free again: no file may say any more that it is of a bucket that is gone."""
    with FileLock(mountpaths[0].buckets_lock):
        names = names_by_label(first)
        label: Any = first.execute("SELECT label FROM labels WHERE bucket = ?", (key,)).get
        names.pop(label, None)
        write_names(mountpaths, names)
        in_transaction(first, _Forget(key))


class _Bite(Struct, frozen=True):
    """Removes some objects, other versions or uploads; whether it found any."""

    key: int

    def __call__(self, transaction: Transaction) -> bool:
        return (
            _remove_versions(transaction, self.key, "objects", ("name",))
            or _remove_versions(transaction, self.key, "versions", ("name", "age"))
            or _remove_uploads(transaction, self.key)
        )


def _remove_versions(
    transaction: Transaction, key: int, table: str, columns: tuple[str, ...]
) -> bool:
    run, names = transaction.connection.execute, ", ".join(columns)
    sql = f"SELECT row, payload, {names} FROM {table} WHERE bucket = ? LIMIT ?"
    rows: Any = run(sql, (key, BITE)).fetchall()
    same = " AND ".join(f"{column} = ?" for column in columns)
    for row, payload, *where in rows:
        transaction.drop(key, Stored(decode_row(row), payload))
        run(f"DELETE FROM {table} WHERE bucket = ? AND {same}", (key, *where))
    return bool(rows)


def _remove_uploads(transaction: Transaction, key: int) -> bool:
    sql = "SELECT name, id FROM uploads WHERE bucket = ? LIMIT ?"
    rows: Any = transaction.connection.execute(sql, (key, _UPLOADS)).fetchall()
    for name, upload in rows:
        transaction.remove_upload(key, name, upload)
    return bool(rows)


class _Forget(Struct, frozen=True):
    key: int

    def __call__(self, transaction: Transaction) -> None:
        for sql in (
            "DELETE FROM completed WHERE bucket = ?",
            "DELETE FROM usage WHERE bucket = ?",
            "DELETE FROM labels WHERE bucket = ?",
            "DELETE FROM trash WHERE id = ?",
        ):
            transaction.connection.execute(sql, (self.key,))
