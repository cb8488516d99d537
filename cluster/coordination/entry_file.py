"""File of entries in SQLite, which all processes of a machine open.

`entries` holds the current values, `log` what the latest transactions did, deletions too. The log
is bounded: a reader that missed more reads everything again.

Reading the revision costs microseconds, because SQLite shows in shared memory that another
connection has committed. So one connection on the event loop only checks for that (`Watch`);
everything else runs in a separate thread (`EntryFile`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from cluster.coordination import Change, Entry
from storage.sqlite.connection import connect, errno_kept, translated

# At so many pages a writer moves the WAL into the file, should the process be late that has the
# task.
_CHECKPOINT_PAGES = 1000
# Other processes lock readers out for microseconds only, and only when they recover the WAL.
_LOOP_PATIENCE_S = 0.1

SCHEMA = """
CREATE TABLE IF NOT EXISTS state(
    id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL,
    compacted INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entries(
    key BLOB PRIMARY KEY, value BLOB NOT NULL, mod_revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log(
    revision INTEGER NOT NULL, key BLOB NOT NULL, value BLOB,
    PRIMARY KEY(revision, key)) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO state(id, revision, compacted) VALUES (0, 0, 0);
"""
_PUT = """
INSERT INTO entries(key, value, mod_revision) VALUES (?1, ?2, ?3)
ON CONFLICT(key) DO UPDATE SET value = ?2, mod_revision = ?3
"""
_BETWEEN = "key >= ? AND key < ?"

T = TypeVar("T")


class Watch:
    """The connection that only checks whether any other connection has committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cursor: apsw.Cursor | None = None
        self._seen = -1
        self._revision = 0

    def revision(self) -> int:
        with translated():
            cursor = self._cursor or self._open()
            seen: Any = cursor.execute("PRAGMA data_version").get
            if seen != self._seen:
                self._revision = revision_of(cursor)
                self._seen = seen
        return self._revision

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.connection.close()
            self._cursor = None

    def _open(self) -> apsw.Cursor:
        connection = connect(self._path)
        connection.set_busy_handler(_ShortPatience())
        self._cursor = connection.cursor()
        return self._cursor


class _ShortPatience:
    def __init__(self) -> None:
        self._deadline = 0.0

    def __call__(self, calls: int) -> bool:
        now = time.monotonic()
        if calls == 0:
            self._deadline = now + _LOOP_PATIENCE_S
        time.sleep(0.0001)
        return now < self._deadline


class EntryFile:
    """The file itself, for one thread. Nothing is opened before its use. `synced`: a commit waits
    for the disk."""

    def __init__(self, path: Path, *, synced: bool = True) -> None:
        self._path = path
        self._synced = synced
        self._connection: apsw.Connection | None = None

    def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        sql = f"SELECT key, value, mod_revision FROM entries WHERE {_BETWEEN} ORDER BY key"
        return self.transaction("BEGIN", partial(_range, sql, _bounds(prefix)))

    def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        return self.transaction("BEGIN", partial(_changes, _bounds(prefix), after))

    def checkpoint(self) -> None:
        with translated(), suppress(apsw.BusyError):
            connection = self._open()
            pages, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if 0 < pages == moved:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def transaction(self, begin: str, work: Callable[[apsw.Connection], T]) -> T:
        """Return what `work` returns, in a transaction begun with that statement."""
        with translated():
            connection = self._open()
            connection.execute(begin)
            try:
                with errno_kept(connection):
                    done = work(connection)
                    connection.execute("COMMIT")
            except BaseException:
                # Closing rolls back, also where ROLLBACK itself would fail.
                self.close()
                raise
            return done

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            self._connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
            if not self._synced:
                self._connection.pragma("synchronous", "NORMAL")
        return self._connection


def revision_of(at: apsw.Connection | apsw.Cursor) -> int:
    found: Any = at.execute("SELECT revision FROM state").get
    return int(found)


def write_entry(
    connection: apsw.Connection, key: bytes, value: bytes | None, revision: int
) -> None:
    """Write the value, or delete it (None), and log that."""
    if value is None:
        connection.execute("DELETE FROM entries WHERE key = ?", (key,))
    else:
        put_entry(connection, key, value, revision)
    connection.execute("INSERT INTO log VALUES (?, ?, ?)", (revision, key, value))


def put_entry(connection: apsw.Connection, key: bytes, value: bytes, revision: int) -> None:
    connection.execute(_PUT, (key, value, revision))


def compact(connection: apsw.Connection, oldest: int) -> None:
    """Remove the transactions up to that revision from the log."""
    if oldest > 0:
        connection.execute("DELETE FROM log WHERE revision <= ?", (oldest,))
        connection.execute("UPDATE state SET compacted = max(compacted, ?)", (oldest,))


def _bounds(prefix: str) -> tuple[bytes, bytes]:
    """Return the first key with the prefix, and the first one after all; UTF-8 has no 0xFF."""
    low = prefix.encode()
    return low, low[:-1] + bytes([low[-1] + 1]) if low else b"\xff"


def _range(
    sql: str, bounds: tuple[bytes, bytes], connection: apsw.Connection
) -> tuple[Sequence[Entry], int]:
    rows: Iterable[Any] = connection.execute(sql, bounds)
    entries = [Entry(key.decode(), value, revision) for key, value, revision in rows]
    return entries, revision_of(connection)


def _changes(
    bounds: tuple[bytes, bytes], after: int, connection: apsw.Connection
) -> Sequence[Change] | None:
    state: Any = connection.execute("SELECT revision, compacted FROM state").fetchone()
    latest, compacted = state
    if not compacted <= after <= latest:
        # A revision of the future is from another history: an older file was restored.
        return None
    sql = f"""
    SELECT key, value, revision FROM log WHERE revision > ? AND {_BETWEEN} ORDER BY revision, key
    """
    rows: Iterable[Any] = connection.execute(sql, (after, *bounds))
    return [Change(key.decode(), value, revision) for key, value, revision in rows]
