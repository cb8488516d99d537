"""Rows that can still be read from a damaged index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import apsw

from storage.backends.local import index
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.rows import decode_blobs

# Tables that an older index may lack.
_LATER = ("versions", "labels", "trash", "counters")


class Salvage:
    """The readable rows of an old index. A scan that meets a damaged page is resumed from the
    other end of the table."""

    def __init__(self, stack: ExitStack, mountpath: Mountpath, unreadable: list[str]) -> None:
        self._where = mountpath.path
        self._unreadable = unreadable
        self._connection: apsw.Connection | None = None
        with suppress(apsw.Error):
            self._connection = index.connect(mountpath.index)
            stack.callback(self._connection.close)
        if self._connection is None:
            unreadable.append(f"{mountpath.index}: cannot be opened")

    def rows(self, table: str, key: str) -> Iterator[tuple[Any, ...]]:
        forward: set[Any] = set()
        try:
            for row in self._scan(table, key, "ASC"):
                forward.add(row[: len(key.split(", "))])
                yield row
        except apsw.Error as error:
            if isinstance(error, apsw.SQLError) and table in _LATER:
                return
            self._unreadable.append(f"{self._where}: table {table}: {error}")
            yield from self._backward(table, key, forward)

    def _backward(self, table: str, key: str, seen: set[Any]) -> Iterator[tuple[Any, ...]]:
        with suppress(apsw.Error):
            for row in self._scan(table, key, "DESC"):
                if row[: len(key.split(", "))] in seen:
                    return
                yield row

    def _scan(self, table: str, key: str, order: str) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            return
        keys = ", ".join(f"{column} {order}" for column in key.split(", "))
        yield from self._connection.execute(f"SELECT * FROM {table} ORDER BY {keys}")

    def payload(self, key: int | None) -> bytes | None:
        """None when it cannot be read."""
        if key is None or self._connection is None:
            return None
        with suppress(apsw.Error):
            sql = "SELECT data FROM payloads WHERE id = ?"
            found: Any = self._connection.execute(sql, (key,)).get
            return None if found is None else bytes(found)
        return None

    def garbage(self) -> set[str]:
        rows = self.rows("garbage", "id")
        return {blob for _, blobs in rows for blob in decode_blobs(blobs)}
