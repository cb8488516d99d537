"""Replica of the cluster's entries in a local file of a node.

Every process of the node opens the replica. It is behind the database by as much as nobody applied
yet: one process of the node follows the log (`following`), and each process applies what it needs
to see its own writes. Changes are applied only at the position that they were read for, in one
transaction with the new position, so it does not matter who is first.

The file is as that of one machine (`entry_file`), and has the position besides: the database's id,
the revision, and the id of the write that made the revision. Commits do not wait for the disk:
after a loss of power the replica is an older one, and catches up. A damaged file is not repaired.
The next generation is written beside it from the database, and then the note names that one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw
from msgspec import Struct

from cluster.coordination import KEPT_REVISIONS, Change, Entry
from cluster.coordination.entry_file import (
    SCHEMA,
    EntryFile,
    Watch,
    compact,
    put_entry,
    write_entry,
)
from cluster.coordination.node_note import BootClock, NodeNote, boot_clock
from storage.errors import Corrupt, StorageError
from storage.sqlite.connection import connect, translated

# A node without news for longer than this does not know any more who may do what.
CURRENT_S = 10

_NS = 1_000_000_000
_POSITION = """
CREATE TABLE IF NOT EXISTS position(
    id INTEGER PRIMARY KEY CHECK (id = 0), cluster BLOB NOT NULL, write BLOB NOT NULL) STRICT;
INSERT OR IGNORE INTO position VALUES (0, x'', x'');
"""

T = TypeVar("T")


class Position(Struct, frozen=True):
    """A revision of a database, and the id of its write; `cluster` is empty before the first."""

    cluster: bytes = b""
    revision: int = 0
    write: bytes = b""


class LoggedWrite(Struct, frozen=True):
    """A change of one key; `value` None: it was deleted."""

    revision: int
    key: bytes
    value: bytes | None


def prepare_replica(folder: Path) -> None:
    """Create the replica in its folder, or check it; a damaged one is replaced by an empty one.
    One process of the node does so before the others open it. Raises `DeviceFailed` and
    `OutOfSpace`."""
    with translated():
        folder.mkdir(mode=0o700, exist_ok=True)
        note = NodeNote(folder)
        try:
            # The machine may have been started since.
            note.current_ns = 0
            if not _is_whole(_file(folder, note.generation)):
                _switch(folder, note, _next_file(folder, note))
            _remove_others(folder, note.generation)
        finally:
            note.close()


class Replica:
    """One process's access to the replica of its node, for one event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        kept_revisions: int = KEPT_REVISIONS,
        now_ns: BootClock = boot_clock,
    ) -> None:
        self._folder = folder
        self._kept = kept_revisions
        self._now_ns = now_ns
        with translated():
            self._note = NodeNote(folder)
        self._thread = ThreadPoolExecutor(1, "replica")
        self._file: EntryFile | None = None
        self._file_generation = 0
        self._watch: Watch | None = None
        self._watch_generation = 0

    def revision(self) -> int:
        """Return the revision that the replica has. It takes microseconds."""
        while True:
            generation = self._note.generation
            if self._watch is None or self._watch_generation != generation:
                self._close_watch()
                self._watch = Watch(_file(self._folder, generation))
                self._watch_generation = generation
            try:
                return self._watch.revision()
            except StorageError as error:
                if not self._is_replaced(generation, error):
                    raise

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        return await self._in_thread(lambda file: file.range(prefix))

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        return await self._in_thread(lambda file: file.changes(prefix, after))

    async def position(self) -> Position:
        return await self._in_thread(lambda file: file.transaction("BEGIN", _position))

    async def apply(self, base: Position, writes: Sequence[LoggedWrite], end: Position) -> bool:
        """Apply the writes that lead from one position to another; False where the replica is not
        at the first one any more."""
        work = partial(_at, base, partial(_apply, writes, end, self._kept))
        return await self._in_thread(lambda file: file.transaction("BEGIN IMMEDIATE", work))

    async def reload(self, base: Position, entries: Sequence[Entry], end: Position) -> bool:
        """Replace all entries; False where the replica is not at `base` any more. The log of
        changes begins after `end`, so readers read everything again."""
        work = partial(_at, base, partial(_reload, entries, end))
        return await self._in_thread(lambda file: file.transaction("BEGIN IMMEDIATE", work))

    async def replace(self, entries: Sequence[Entry], end: Position) -> None:
        """Write the next generation of the file, and let all processes use it. For the one process
        that follows the log."""
        await self._run(self._replace, entries, end)

    async def checkpoint(self) -> None:
        await self._in_thread(EntryFile.checkpoint)

    # Freshness

    def is_current(self) -> bool:
        """Whether the replica had all that was committed ten seconds ago."""
        age_ns = self._now_ns() - self._note.current_ns
        return self._note.current_ns > 0 and 0 <= age_ns <= CURRENT_S * _NS

    def now_ns(self) -> int:
        return self._now_ns()

    def note_current(self, time_ns: int) -> None:
        """Note that the replica has all that was committed before that time."""
        self._note.current_ns = time_ns

    @property
    def is_damaged(self) -> bool:
        return self._note.is_damaged

    def close(self) -> None:
        """Finish the thread's current work, and close the file."""
        self._thread.submit(self._close_file)
        self._thread.shutdown()
        self._close_watch()
        self._note.close()

    async def _in_thread(self, work: Callable[[EntryFile], T]) -> T:
        return await self._run(self._use, work)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args))

    def _use(self, work: Callable[[EntryFile], T]) -> T:
        while True:
            generation = self._note.generation
            if self._file is None or self._file_generation != generation:
                self._close_file()
                self._file = EntryFile(_file(self._folder, generation), synced=False)
                self._file_generation = generation
            try:
                return work(self._file)
            except StorageError as error:
                if not self._is_replaced(generation, error):
                    raise

    def _is_replaced(self, generation: int, error: StorageError) -> bool:
        """Whether an error was of a file that is not in use any more."""
        if self._note.generation != generation:
            return True
        if isinstance(error, Corrupt):
            self._note.report_damage(generation)
        return False

    def _replace(self, entries: Sequence[Entry], end: Position) -> None:
        with translated():
            number = _next_file(self._folder, self._note)
            file = EntryFile(_file(self._folder, number), synced=False)
            try:
                file.transaction("BEGIN IMMEDIATE", partial(_reload, entries, end))
            finally:
                file.close()
            _switch(self._folder, self._note, number)
            _remove_others(self._folder, number)

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _file(folder: Path, generation: int) -> Path:
    return folder / f"replica-{generation}.db"


def _next_file(folder: Path, note: NodeNote) -> int:
    """Create the next generation of the file, empty; return its number."""
    number = max([note.generation, *_generations(folder)]) + 1
    path = _file(folder, number)
    # SQLite gives the files beside it the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = connect(path)
    try:
        connection.reserve_bytes(reserve=8)
        connection.pragma("journal_mode", "WAL")
        connection.execute(f"BEGIN IMMEDIATE;{SCHEMA}{_POSITION}COMMIT")
    finally:
        connection.close()
    return number


def _switch(folder: Path, note: NodeNote, number: int) -> None:
    # Its name is durable before the note can be.
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    note.generation = number


def _generations(folder: Path) -> list[int]:
    names = (each.name.removeprefix("replica-") for each in folder.glob("replica-*.db"))
    return [int(name[:-3]) for name in names if name[:-3].isdigit()]


def _remove_others(folder: Path, generation: int) -> None:
    kept = _file(folder, generation).name
    for each in folder.glob("replica-*"):
        if not each.name.startswith(kept):
            with suppress(OSError):
                each.unlink()


def _is_whole(path: Path) -> bool:
    try:
        with translated():
            connection = connect(path)
            try:
                problem = connection.pragma("integrity_check")
                _position(connection)
            finally:
                connection.close()
    except (StorageError, apsw.Error, ValueError):
        return False
    return bool(problem == "ok")


def _at(base: Position, work: Callable[[apsw.Connection], None], at: apsw.Connection) -> bool:
    is_there = _position(at) == base
    if is_there:
        work(at)
    return is_there


def _position(connection: apsw.Connection) -> Position:
    sql = "SELECT cluster, revision, write FROM position JOIN state USING (id)"
    found: Any = connection.execute(sql).fetchone()
    if found is None:
        raise Corrupt("the replica has no position")
    return Position(*found)


def _apply(
    writes: Iterable[LoggedWrite], end: Position, kept: int, connection: apsw.Connection
) -> None:
    for each in writes:
        write_entry(connection, each.key, each.value, each.revision)
    _move(connection, end)
    compact(connection, end.revision - kept)


def _reload(entries: Iterable[Entry], end: Position, connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM entries")
    connection.execute("DELETE FROM log")
    for each in entries:
        put_entry(connection, each.key.encode(), each.value, each.mod_revision)
    _move(connection, end)
    connection.execute("UPDATE state SET compacted = ?", (end.revision,))


def _move(connection: apsw.Connection, end: Position) -> None:
    connection.execute("UPDATE state SET revision = ?", (end.revision,))
    connection.execute("UPDATE position SET cluster = ?, write = ?", (end.cluster, end.write))
