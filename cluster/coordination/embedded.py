"""Coordination for one machine: SQLite in a file that all of its processes open.

`entries` holds the current values, `log` what the latest transactions did, deletions too. The log
is bounded: a reader that missed more reads everything again. A transaction is one of SQLite's,
begun with the write lock, so what it compares cannot change before its writes are in.

Reading the revision costs microseconds, because SQLite shows in shared memory that another
connection has committed. So one connection on the event loop only checks for that; everything else
runs in a separate thread.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from cluster.coordination import (
    KEPT_REVISIONS,
    Change,
    Delete,
    Entry,
    Put,
    Unchanged,
    check_transaction,
)
from storage.errors import Corrupt
from storage.sqlite.connection import connect, errno_kept, release_log, translated
from storage.sqlite.noting import Note, noted
from storage.sqlite.opening import require_whole
from storage.sqlite.shape import keep_shape

# The database in the first data folder of a machine.
FILE_NAME = "coordination.db"

# At so many pages a writer moves the WAL into the file, should the process be late that has the
# task.
_CHECKPOINT_PAGES = 1000
# Other processes lock readers out for microseconds only, and only when they recover the WAL.
_LOOP_PATIENCE_S = 0.1

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS state(
    id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL,
    compacted INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entries(
    key BLOB PRIMARY KEY, value BLOB NOT NULL, mod_revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log(
    revision INTEGER NOT NULL, key BLOB NOT NULL, value BLOB,
    PRIMARY KEY(revision, key)) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO state(id, revision, compacted) VALUES (0, 0, 0);
COMMIT;
"""
# The note beside the file is the store's.
_OWNER = 1
_PUT = """
INSERT INTO entries(key, value, mod_revision) VALUES (?1, ?2, ?3)
ON CONFLICT(key) DO UPDATE SET value = ?2, mod_revision = ?3
"""
_BETWEEN = "key >= ? AND key < ?"

T = TypeVar("T")


def prepare(path: Path) -> None:
    """Create the file, readable by its owner alone, or check an existing one. One process does so
    before the others open it.

    Raises `Corrupt`, `DeviceFailed` and `OutOfSpace`, as everything here does; `Corrupt` also where
    one is missing that was there before.
    """
    require_whole(path, counted=noted(path, _OWNER) > 0)
    with translated():
        # SQLite gives the files beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = connect(path, keep_log=True)
        try:
            connection.reserve_bytes(reserve=8)
            connection.pragma("journal_mode", "WAL")
            connection.execute(_SCHEMA)
            keep_shape(connection, path)
            if lacking := lacks(path, connection):
                raise Corrupt(f"{path} {lacking}")
            release_log(connection)
            problem = connection.pragma("integrity_check")
        finally:
            connection.close()
    if problem != "ok":
        raise Corrupt(str(problem))


def lacks(path: Path, connection: apsw.Connection) -> str:
    """What was acknowledged and is not there; empty if there is nothing."""
    revision, last = _revision(connection), last_acknowledged(path)
    if revision >= last:
        return ""
    return (
        f"ends with revision {revision}, but {last} was acknowledged: its log is cut or lost, or "
        "the file is an older one"
    )


def last_acknowledged(path: Path) -> int:
    return noted(path, _OWNER)


class EmbeddedCoordination:
    """One process's access to the file, for one event loop. Nothing is opened before its use."""

    def __init__(self, path: Path, *, kept_revisions: int = KEPT_REVISIONS) -> None:
        self._file = _File(path, kept_revisions)
        self._thread = ThreadPoolExecutor(1, f"coordination-{path.stem}")
        self._watch = _Watch(path)

    def revision(self) -> int:
        return self._watch.revision()

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        return await self._in_thread(self._file.range, prefix)

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        return await self._in_thread(self._file.changes, prefix, after)

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        """Raises `ValueError` when it is too large, or writes a key twice."""
        check_transaction(writes)
        return await self._in_thread(self._file.transact, unchanged, writes)

    async def checkpoint(self) -> None:
        """Write the log into the file, and cut it off, so that damage to it costs little. For one
        process, from time to time."""
        await self._in_thread(self._file.checkpoint)

    def close(self) -> None:
        """Finish the thread's current work, and close the file."""
        self._thread.submit(self._file.close)
        self._thread.shutdown()
        self._watch.close()

    async def _in_thread(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(job, *args))


class _Watch:
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
                self._revision = _revision(cursor)
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


class _File:
    """The file itself, for one thread."""

    def __init__(self, path: Path, kept_revisions: int) -> None:
        self._path = path
        self._kept = kept_revisions
        self._connection: apsw.Connection | None = None
        self._note = Note(path, _OWNER)

    def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        sql = f"SELECT key, value, mod_revision FROM entries WHERE {_BETWEEN} ORDER BY key"
        return self._transaction("BEGIN", partial(_range, sql, _bounds(prefix)))

    def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        return self._transaction("BEGIN", partial(_changes, _bounds(prefix), after))

    def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        work = partial(_transact, unchanged, writes, self._kept)
        revision = self._transaction("BEGIN IMMEDIATE", work)
        if revision is not None:
            self._note.write(revision)
        return revision

    def checkpoint(self) -> None:
        with translated(), suppress(apsw.BusyError):
            connection = self._open()
            pages, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if 0 < pages == moved:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        self._note.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            self._connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        return self._connection

    def _transaction(self, begin: str, work: Callable[[apsw.Connection], T]) -> T:
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


def _bounds(prefix: str) -> tuple[bytes, bytes]:
    """Return the first key with the prefix, and the first one after all; UTF-8 has no 0xFF."""
    low = prefix.encode()
    return low, low[:-1] + bytes([low[-1] + 1]) if low else b"\xff"


def _revision(at: apsw.Connection | apsw.Cursor) -> int:
    found: Any = at.execute("SELECT revision FROM state").get
    return int(found)


def _range(
    sql: str, bounds: tuple[bytes, bytes], connection: apsw.Connection
) -> tuple[Sequence[Entry], int]:
    rows: Iterable[Any] = connection.execute(sql, bounds)
    entries = [Entry(key.decode(), value, revision) for key, value, revision in rows]
    return entries, _revision(connection)


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


def _transact(
    unchanged: Sequence[Unchanged],
    writes: Sequence[Put | Delete],
    kept: int,
    connection: apsw.Connection,
) -> int | None:
    if any(_mod_revision(connection, each.key) != each.mod_revision for each in unchanged):
        return None
    effective = [each for each in writes if isinstance(each, Put) or _is_there(connection, each)]
    revision = _revision(connection)
    if not effective:
        return revision
    revision += 1
    for each in effective:
        _write(connection, each, revision)
    connection.execute("UPDATE state SET revision = ?", (revision,))
    _compact(connection, revision - kept)
    return revision


def _mod_revision(connection: apsw.Connection, key: str) -> int:
    sql = "SELECT mod_revision FROM entries WHERE key = ?"
    found: Any = connection.execute(sql, (key.encode(),)).get
    return int(found or 0)


def _is_there(connection: apsw.Connection, delete: Delete) -> bool:
    return _mod_revision(connection, delete.key) > 0


def _write(connection: apsw.Connection, write: Put | Delete, revision: int) -> None:
    key = write.key.encode()
    value = write.value if isinstance(write, Put) else None
    if value is None:
        connection.execute("DELETE FROM entries WHERE key = ?", (key,))
    else:
        connection.execute(_PUT, (key, value, revision))
    connection.execute("INSERT INTO log VALUES (?, ?, ?)", (revision, key, value))


def _compact(connection: apsw.Connection, oldest: int) -> None:
    """Remove the transactions up to that revision from the log."""
    if oldest > 0:
        connection.execute("DELETE FROM log WHERE revision <= ?", (oldest,))
        connection.execute("UPDATE state SET compacted = max(compacted, ?)", (oldest,))
