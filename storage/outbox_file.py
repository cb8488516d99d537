"""Durable queues in a file, for the processes of one machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from storage.clock import Clock, SystemClock
from storage.errors import Corrupt
from storage.outbox import Appends, Queue, Record, Waiting
from storage.sqlite.connection import (
    INCREMENTAL,
    connect,
    errno_kept,
    release_log,
    translated,
)
from storage.sqlite.noting import Note, noted
from storage.sqlite.opening import require_whole
from storage.sqlite.rebuilding import RebuiltDatabase, rebuild_database
from storage.sqlite.salvage import Salvaged
from storage.sqlite.shape import keep_shape

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues(
    name TEXT PRIMARY KEY, records INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records(
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, time INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS records_of_queue ON records(queue, id);
"""
# The note beside the file is the queue's.
_OWNER = 2
_ADD_TOTAL = """
INSERT INTO queues(name, records, bytes) VALUES (?1, ?2, ?3)
ON CONFLICT(name) DO UPDATE SET records = records + ?2, bytes = bytes + ?3
"""

T = TypeVar("T")


def prepare(path: Path, *, durable: bool = True) -> None:
    """Make the file, or find it whole; by one process, before the others open it.

    Raises `Corrupt`, `DeviceFailed` and `OutOfSpace`, as all of the outbox does.
    """
    require_whole(path, synced=durable, counted=noted(path, _OWNER) > 0)
    with translated():
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        connection = connect(path, flags=flags, keep_log=True)
        try:
            connection.reserve_bytes(reserve=8)
            if connection.pragma("auto_vacuum") != INCREMENTAL:
                connection.pragma("auto_vacuum", "INCREMENTAL")
            connection.pragma("journal_mode", "WAL")
            with connection:
                connection.execute(_SCHEMA)
            keep_shape(connection, path)
            if lacking := lacks(path, connection):
                raise Corrupt(f"{path} {lacking}")
            release_log(connection)
        finally:
            connection.close()


def lacks(path: Path, connection: apsw.Connection) -> str:
    """What was taken and is not there; empty if there is nothing."""
    if _last_record(connection) >= noted(path, _OWNER):
        return ""
    return "lacks records that were taken: its log is cut or lost, or the file is an older one"


def _last_record(connection: apsw.Connection) -> int:
    """Also of those that were dropped since."""
    found: Any = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").get
    return int(found or 0)


def rebuild(path: Path, quarantine: Path) -> RebuiltDatabase:
    """Records that were on damaged pages are left out."""
    return rebuild_database(path, prepare, partial(_mend, noted(path, _OWNER)), quarantine)


def _mend(last: int, connection: apsw.Connection, salvaged: Salvaged) -> list[str]:
    doubtful = sorted(salvaged.doubtful.get("records", set()))
    found: Any = connection.execute("SELECT max(id) FROM records").get
    ended = max(int(found or 0), salvaged.sequences.get("records", 0))
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'records'")
    connection.execute("INSERT INTO sqlite_sequence VALUES('records', ?)", (max(last, ended),))
    connection.executemany("DELETE FROM records WHERE id = ?", doubtful)
    connection.execute("DELETE FROM queues")
    sql = "SELECT queue, count(*), sum(length(body)) FROM records GROUP BY queue"
    connection.executemany(_ADD_TOTAL, connection.execute(sql).fetchall())
    lost = [f"record {number!r}" for (number,) in doubtful]
    return [*lost, f"the records after {ended}"] if ended < last else lost


class FileOutbox:
    """`Outbox` on the file: a queue takes `limit_bytes`. Without `durable` a loss of power takes
    the last records, and a crash of the program none."""

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int,
        durable: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self._file = _File(path, limit_bytes, durable=durable, clock=clock or SystemClock())
        self._thread = ThreadPoolExecutor(1, f"outbox-{path.stem}")
        self._appends = Appends(partial(self._in_thread, self._file.append))
        self.append = self._appends.append

    async def read(self, queue: str, limit: int) -> list[Waiting]:
        return await self._in_thread(self._file.read, queue, limit)

    async def drop(self, ids: Sequence[int]) -> None:
        await self._in_thread(self._file.drop, ids)

    async def queues(self) -> list[Queue]:
        return await self._in_thread(self._file.queues)

    async def checkpoint(self) -> None:
        await self._in_thread(self._file.checkpoint)

    def close(self) -> None:
        """Commits what waits in the thread, and closes the file."""
        self._thread.submit(self._file.close)
        self._thread.shutdown()

    async def _in_thread(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(job, *args))


class _File:
    """The file itself, for one thread."""

    def __init__(self, path: Path, limit_bytes: int, *, durable: bool, clock: Clock) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._durable = durable
        self._clock = clock
        self._connection: apsw.Connection | None = None
        self._note = Note(path, _OWNER)

    def append(self, records: Sequence[Record]) -> list[bool]:
        taken = self._transaction(partial(self._append, records))
        if self._durable and any(taken) and self._connection is not None:
            self._note.write(self._connection.last_insert_rowid())
        return taken

    def drop(self, ids: Sequence[int]) -> None:
        self._transaction(partial(_drop, ids))

    def read(self, queue: str, limit: int) -> list[Waiting]:
        sql = "SELECT id, time, body FROM records WHERE queue = ? ORDER BY id LIMIT ?"
        with translated():
            rows: Iterable[Any] = self._open().execute(sql, (queue, limit))
            return [Waiting(*row) for row in rows]

    def queues(self) -> list[Queue]:
        sql = """
        SELECT name, records, bytes, (
            SELECT time FROM records WHERE queue = name ORDER BY records.id LIMIT 1)
        FROM queues WHERE records > 0 ORDER BY name
        """
        with translated():
            rows: Iterable[Any] = self._open().execute(sql)
            return [Queue(*row) for row in rows]

    def checkpoint(self) -> None:
        with translated(), suppress(apsw.BusyError):
            connection = self._open()
            pages, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            # TRUNCATE waits for those who append, so it is for a quiet moment.
            if pages and pages == moved and not self.queues():
                connection.execute("PRAGMA incremental_vacuum").fetchall()
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        self._note.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            if not self._durable:
                self._connection.pragma("synchronous", "NORMAL")
        return self._connection

    def _transaction(self, work: Callable[[apsw.Connection], T]) -> T:
        with translated():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                with errno_kept(connection):
                    done = work(connection)
                    connection.execute("COMMIT")
            except BaseException:
                # Closing rolls back, also where ROLLBACK itself would fail.
                self.close()
                raise
            return done

    def _append(self, records: Sequence[Record], connection: apsw.Connection) -> list[bool]:
        now_ns = self._clock.now_ns()
        added = {record.queue: [0, 0] for record in records}
        room = {queue: self._limit_bytes - _bytes_in(connection, queue) for queue in added}
        taken = []
        for queue, body in records:
            fits = len(body) <= room[queue]
            taken.append(fits)
            if fits:
                room[queue] -= len(body)
                added[queue][0] += 1
                added[queue][1] += len(body)
                sql = "INSERT INTO records(queue, time, body) VALUES (?, ?, ?)"
                connection.execute(sql, (queue, now_ns, body))
        connection.executemany(_ADD_TOTAL, [(queue, *sums) for queue, sums in added.items()])
        return taken


def _bytes_in(connection: apsw.Connection, queue: str) -> int:
    found: Any = connection.execute("SELECT bytes FROM queues WHERE name = ?", (queue,)).fetchone()
    return int(found[0]) if found else 0


def _drop(ids: Sequence[int], connection: apsw.Connection) -> None:
    sql = "DELETE FROM records WHERE id = ? RETURNING queue, -1, -length(body)"
    gone: Iterable[Any] = connection.executemany(sql, [(each,) for each in ids])
    connection.executemany(_ADD_TOTAL, list(gone))
    connection.execute("DELETE FROM queues WHERE records <= 0")
