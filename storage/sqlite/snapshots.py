"""Copies of several databases at one moment, while others write to them.

Each database is locked against writers, then a read transaction is begun in each, then writers go
on. No writer holds the locks of two databases, so taking several at once ends. A copy is made page
by page from the read transaction, with the checksum that each page has, so a damaged page is found.
The tables of a copy begin where those of the original do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import apsw

from storage.errors import Corrupt
from storage.sqlite.connection import connect, storage_error
from storage.sqlite.noting import has_note
from storage.sqlite.shape import keep_shape, shape_file

_STEP_PAGES = 4096

# Says what the database lacks that was acknowledged; empty if there is nothing.
Lacks = Callable[[Path, apsw.Connection], str]


def was_there(database: Path) -> bool:
    """Whether there is such a database. Raises `Corrupt` where one is missing that was there
    before."""
    if database.exists():
        return True
    if shape_file(database).exists() or has_note(database):
        raise Corrupt(f"{database} is missing, and it was there before")
    return False


@contextmanager
def at_one_moment(databases: Sequence[Path]) -> Iterator[Sequence[apsw.Connection]]:
    """Read transactions of all databases, begun while no one could commit to any of them."""
    with ExitStack() as reading:
        with ExitStack() as locked:
            for database in databases:
                with _named(database):
                    _begin(locked, database, "BEGIN IMMEDIATE")
            readers = []
            for database in databases:
                with _named(database):
                    readers.append(_begin(reading, database, "BEGIN"))
        yield readers


def _begin(stack: ExitStack, database: Path, sql: str) -> apsw.Connection:
    """What is in the log stays there: a copy changes nothing in the original."""
    connection = stack.enter_context(closing(connect(database, keep_log=True)))
    connection.execute(sql)
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # it begins with a read
    return connection


def copy_database(source: apsw.Connection, database: Path, copy: Path) -> None:
    """Write what the read transaction sees of `database` to a new file. The caller makes it
    durable. Raises `Corrupt`."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with closing(connect(copy, flags=flags)) as target:
        target.pragma("journal_mode", "MEMORY")
        target.pragma("synchronous", "OFF")
        with _named(database), target.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_STEP_PAGES)


def require_sound(database: Path, copy: Path, lacks: Lacks) -> None:
    """Check a copy, and write the file with its shape. Raises `Corrupt`, about `database`."""
    with _named(database), closing(connect(copy)) as connection:
        found = connection.execute("PRAGMA integrity_check(1)").get
        if found != "ok":
            raise Corrupt(str(found))
        if lacking := lacks(copy, connection):
            raise Corrupt(lacking)
        keep_shape(connection, copy)


@contextmanager
def _named(database: Path) -> Iterator[None]:
    """Errors of SQLite, with the name of the file."""
    try:
        yield
    except (apsw.Error, OSError, Corrupt) as error:
        translated = storage_error(error)
        raise type(translated)(f"{database}: {translated}") from error
