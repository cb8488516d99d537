"""Rows that can still be read from a damaged index.

An index that SQLite finds whole is read as it is. Any other is first copied, page by page, into
`index.salvaged.db` (`storage.sqlite.salvage`), and read there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import apsw
import msgspec

from storage.backends.local import index
from storage.backends.local.acknowledged import is_anothers
from storage.backends.local.garbage import decode_blobs
from storage.backends.local.mountpath import Mountpath
from storage.errors import StorageError
from storage.index.rows import Row, decode_row
from storage.sqlite.opening import require_whole
from storage.sqlite.salvage import salvage

# Tables that an older index may lack.
_LATER = ("versions", "labels", "trash", "counters")

_NAMELESS = """
SELECT count(*) FROM payloads WHERE id NOT IN (
    SELECT payload FROM objects WHERE payload IS NOT NULL
    UNION ALL SELECT payload FROM versions WHERE payload IS NOT NULL)"""


class Salvage:
    """The readable rows of an old index. `is_whole`: it was found sound."""

    def __init__(self, stack: ExitStack, mountpath: Mountpath, unreadable: list[str]) -> None:
        self._where = mountpath.path
        self._unreadable = unreadable
        self._doubtful: dict[str, set[tuple[Any, ...]]] = {}
        whole = _whole(mountpath.index)
        self.is_whole = whole is not None
        is_other = whole is not None and is_anothers(mountpath, whole)
        if whole is None or is_other:
            whole = self._copied(stack, mountpath, is_other=is_other)
        self.connection = whole
        stack.callback(self.connection.close)

    def _copied(self, stack: ExitStack, mountpath: Mountpath, *, is_other: bool) -> apsw.Connection:
        path = mountpath.path / "index.salvaged.db"
        stack.callback(_remove, path)
        _remove(path)
        index.create(path)
        connection = index.connect(path)
        if is_other:
            self._unreadable.append(f"{mountpath.index} is the index of another data folder")
            return connection
        with connection:
            done = salvage(mountpath.index, connection)
        self._doubtful = done.doubtful
        self._unreadable += done.lost
        if nameless := connection.execute(_NAMELESS).get:
            self._unreadable.append(
                f"{mountpath.index}: the bytes of {nameless} objects have lost their names"
            )
        return connection

    def rows(self, table: str, key: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.connection.execute(f"SELECT * FROM {table} ORDER BY {key}")
        except apsw.SQLError:
            if table not in _LATER:
                raise

    def buckets_of_objects(self) -> list[int]:
        sql = "SELECT bucket FROM objects UNION SELECT bucket FROM versions ORDER BY 1"
        with suppress(apsw.SQLError):
            found: Any = self.connection.execute(sql).fetchall()
            return [bucket for (bucket,) in found]
        return []

    def objects_of(self, bucket: int) -> Iterator[Row]:
        """Those with blobs."""
        sql = "SELECT row FROM objects WHERE bucket = ?1 UNION ALL "
        sql += "SELECT row FROM versions WHERE bucket = ?1"
        found: Any = self.connection.execute(sql, (bucket,))
        for (encoded,) in found:
            row = self.row(encoded)
            if row is not None and row.own_blob() is not None:
                yield row

    def is_doubtful(self, table: str, *key: Any) -> bool:
        """Whether the row was on a damaged page: it may be wrong anywhere."""
        return key in self._doubtful.get(table, ())

    def row(self, encoded: bytes) -> Row | None:
        """None when it cannot be read."""
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return decode_row(encoded)
        return None

    def payload(self, key: int | None) -> bytes | None:
        """None when it cannot be read."""
        if key is None:
            return None
        sql = "SELECT data FROM payloads WHERE id = ?"
        found: Any = self.connection.execute(sql, (key,)).get
        return None if found is None else bytes(found)

    def garbage(self) -> set[str]:
        found: set[str] = set()
        for key, blobs in self.rows("garbage", "id"):
            # An only copy is not thrown away on the word of a damaged page.
            if not self.is_doubtful("garbage", key):
                with suppress(msgspec.MsgspecError):
                    found.update(decode_blobs(blobs))
        return found


def _whole(database: Path) -> apsw.Connection | None:
    """None when there is anything wrong with it, or it is not there."""
    if not database.exists():
        return None
    try:
        require_whole(database)
        connection = index.connect(database, keep_log=True)
        if connection.execute("PRAGMA integrity_check(1)").get == "ok":
            return connection
        connection.close()
    except (apsw.Error, StorageError):
        pass
    return None


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-shape"):
        with suppress(FileNotFoundError):
            os.unlink(path.with_name(name))
