"""Coordination for one machine: SQLite in a file that all of its processes open.

A transaction is one of SQLite's, begun with the write lock, so what it compares cannot change
before its writes are in. `entry_file` has the format, and how the file is read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from cluster.coordination.entry_file import (
    SCHEMA,
    EntryFile,
    Watch,
    compact,
    revision_of,
    write_entry,
)
from storage.errors import Corrupt
from storage.sqlite.connection import connect, release_log, translated
from storage.sqlite.noting import Note, noted
from storage.sqlite.opening import require_whole
from storage.sqlite.shape import keep_shape

# The database in the first data folder of a machine.
FILE_NAME = "coordination.db"

# The note beside the file is the store's.
_OWNER = 1

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
            connection.execute(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT")
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
    revision, last = revision_of(connection), last_acknowledged(path)
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
        self._watch = Watch(path)

    def revision(self) -> int:
        return self._watch.revision()

    def require_current(self) -> None:
        """Every commit is seen at once."""

    async def catch_up(self) -> None:
        """Every commit is seen at once."""

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


class _File(EntryFile):
    """The file with its note of what was acknowledged."""

    def __init__(self, path: Path, kept_revisions: int) -> None:
        super().__init__(path)
        self._kept = kept_revisions
        self._note = Note(path, _OWNER)

    def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        work = partial(_transact, unchanged, writes, self._kept)
        revision = self.transaction("BEGIN IMMEDIATE", work)
        if revision is not None:
            self._note.write(revision)
        return revision

    def close(self) -> None:
        self._note.close()
        super().close()


def _transact(
    unchanged: Sequence[Unchanged],
    writes: Sequence[Put | Delete],
    kept: int,
    connection: apsw.Connection,
) -> int | None:
    if any(_mod_revision(connection, each.key) != each.mod_revision for each in unchanged):
        return None
    effective = [each for each in writes if isinstance(each, Put) or _is_there(connection, each)]
    revision = revision_of(connection)
    if not effective:
        return revision
    revision += 1
    for each in effective:
        value = each.value if isinstance(each, Put) else None
        write_entry(connection, each.key.encode(), value, revision)
    connection.execute("UPDATE state SET revision = ?", (revision,))
    compact(connection, revision - kept)
    return revision


def _mod_revision(connection: apsw.Connection, key: str) -> int:
    sql = "SELECT mod_revision FROM entries WHERE key = ?"
    found: Any = connection.execute(sql, (key.encode(),)).get
    return int(found or 0)


def _is_there(connection: apsw.Connection, delete: Delete) -> bool:
    return _mod_revision(connection, delete.key) > 0
