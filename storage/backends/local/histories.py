"""The versions of each name while the index of a mountpath is rebuilt.

Rows of the old index are written at once and in the order they had; versions known from labels only
are collected, and inserted in their places at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apsw

from storage.backends.local.transaction import SqliteTransaction
from storage.index.histories import merge
from storage.index.rows import Row, decode_row, encode

_TEMPORARY = """
CREATE TEMP TABLE named(blob TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE restored(bucket, name, modified_ns, row, payload);
"""
_RESTORED = """
SELECT bucket, name, row, payload FROM temp.restored
ORDER BY bucket, name, modified_ns DESC, rowid"""
# Names that lost what was current.
_HEADLESS = """
SELECT DISTINCT bucket, name FROM versions v
WHERE NOT EXISTS(SELECT 1 FROM objects o WHERE o.bucket = v.bucket AND o.name = v.name)"""


class _Version(NamedTuple):
    row: Row
    payload: int | None


class Histories:
    """In the open transaction of a new index."""

    def __init__(self, target: apsw.Connection) -> None:
        self._transaction = SqliteTransaction(target)
        self._run = target.execute
        self._run(_TEMPORARY)

    def names(self, blob: str) -> bool:
        """Whether some row has the blob, be it under another name than its label says."""
        return self._run("SELECT 1 FROM temp.named WHERE blob = ?", (blob,)).get is not None

    def salvage(
        self, bucket: int, name: bytes, age: int | None, row: Row, payload: bytes | None
    ) -> None:
        """A row of the old index; `age` is None if it was in `objects`."""
        if age is not None and self._transaction.look_up(bucket, name, row.version) is not None:
            return  # a damaged index may have it twice
        key = self._transaction.add_payload(payload)
        if age is None:
            self._add_object(bucket, name, _Version(row, key))
        else:
            self._add_version(bucket, name, age, _Version(row, key))
        if (blob := row.own_blob()) is not None:
            self._run("INSERT OR IGNORE INTO temp.named VALUES(?)", (blob,))
            if row.label:
                values = (bucket, row.label.encode(), blob, name)
                self._run("INSERT OR REPLACE INTO renamed VALUES(?, ?, ?, ?)", values)

    def has_newer(self, bucket: int, name: bytes, row: Row) -> bool:
        """Whether the index has that version, and not an older one under its id."""
        found = self._transaction.look_up(bucket, name, row.version)
        return found is not None and found.row.modified_ns >= row.modified_ns

    def restore(self, bucket: int, name: bytes, row: Row, payload: bytes | None) -> None:
        """Collect a version that is known from a label only."""
        key = self._transaction.add_payload(payload)
        values = (bucket, name, row.modified_ns, encode(row), key)
        self._run("INSERT INTO temp.restored VALUES(?, ?, ?, ?, ?)", values)

    def finish(self) -> int:
        """Every version in its place; gives how many came from labels."""
        count = sum(self._merge(*each) for each in self._restored())
        headless: Any = self._run(_HEADLESS).fetchall()
        for bucket, name in headless:
            self._transaction.promote(bucket, name)
        return count

    def _restored(self) -> Iterator[tuple[int, bytes, list[_Version]]]:
        """The restored versions of each name, newest first."""
        key: tuple[int, bytes] | None = None
        versions: list[_Version] = []
        rows: Any = self._run(_RESTORED)
        for bucket, name, row, payload in rows:
            if key is not None and key != (bucket, name):
                yield *key, versions
                versions = []
            key = (bucket, name)
            versions.append(_Version(decode_row(row), payload))
        if key is not None:
            yield *key, versions

    def _merge(self, bucket: int, name: bytes, restored: Sequence[_Version]) -> int:
        """How many of the restored versions stay."""
        merged = merge(self._take(bucket, name), restored)
        for version in merged.dropped:
            self._drop(version)
        self._write(bucket, name, merged.versions)
        return merged.restored

    def _take(self, bucket: int, name: bytes) -> list[_Version]:
        """What is there, taken out."""
        sql = """SELECT 0, row, payload FROM objects WHERE bucket = ?1 AND name = ?2
        UNION ALL SELECT * FROM (
            SELECT 1, row, payload FROM versions WHERE bucket = ?1 AND name = ?2 ORDER BY age)"""
        rows: Any = self._run(sql, (bucket, name)).fetchall()
        if rows:
            for table in ("objects", "versions"):
                self._run(f"DELETE FROM {table} WHERE bucket = ? AND name = ?", (bucket, name))
        return [_Version(decode_row(row), payload) for _, row, payload in rows]

    def _write(self, bucket: int, name: bytes, versions: Sequence[_Version]) -> None:
        first, *older = versions
        if first.row.delete_marker:
            older = [first, *older]
        else:
            self._add_object(bucket, name, first)
        for age, version in enumerate(older):
            self._add_version(bucket, name, age, version)

    def _add_object(self, bucket: int, name: bytes, it: _Version) -> None:
        values = (bucket, name, encode(it.row), it.payload)
        self._run("INSERT OR REPLACE INTO objects VALUES(?, ?, ?, ?)", values)

    def _add_version(self, bucket: int, name: bytes, age: int, it: _Version) -> None:
        values = (bucket, name, age, it.row.version, encode(it.row), it.payload)
        self._run("INSERT INTO versions VALUES(?, ?, ?, ?, ?, ?)", values)

    def _drop(self, version: _Version) -> None:
        """Its blob stays, for `fsck.check` to find."""
        self._run("DELETE FROM payloads WHERE id = ?", (version.payload,))
