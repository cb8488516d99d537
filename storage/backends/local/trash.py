"""Removal of the objects of discarded buckets, a bounded step at a time.

A bucket leaves the trash of a mountpath when nothing of it is there any more, and the trash of the
first one when it has left all others: until then its label stays reserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from storage import failpoints
from storage.backends.local.bucket_names import names_by_label, write_names
from storage.backends.local.mountpath import FileLock, Mountpath
from storage.backends.local.transaction import in_transaction
from storage.index.bucket_mutations import EmptyTrash, ForgetTrash


def empty_some(
    mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection], number: int
) -> bool:
    """A bite of the trash of that mountpath; whether there is more of it."""
    connection = connections[number]
    for key in trashed(connection):
        if in_transaction(connection, EmptyTrash(key)):
            failpoints.hit("bucket_trash_after_bite")
            return True
        if number > 0:
            in_transaction(connection, ForgetTrash(key))
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
        in_transaction(first, ForgetTrash(key))
