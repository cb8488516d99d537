"""Check of a small database beside the index, and its rebuilding."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import apsw
from msgspec import Struct

from storage.errors import StorageError
from storage.sqlite.connection import connect, storage_error, translated
from storage.sqlite.noting import has_note
from storage.sqlite.opening import require_whole
from storage.sqlite.salvage import Salvaged, salvage

_SUFFIXES = ("", "-wal", "-shm", "-shape")

# Takes out of the new database what is not certain; returns what is lost with it, by name.
Mend = Callable[[apsw.Connection, Salvaged], list[str]]


class RebuiltDatabase(Struct, frozen=True):
    """`lost` says what did not come back."""

    database: Path
    rows: int
    lost: tuple[str, ...]
    set_aside: Path


def problem_of(
    database: Path, *, synced: bool = True, lacks: Callable[[apsw.Connection], str] = lambda _: ""
) -> str | None:
    """What is wrong with the database; None when it is whole, or was never there. Changes nothing.
    No process has it open. `lacks` says what was acknowledged and is not there."""
    try:
        require_whole(database, synced=synced, counted=has_note(database))
        if not database.exists():
            return None
        with closing(connect(database, keep_log=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").get
            if found == "ok" and (lacking := lacks(connection)):
                return f"{database} {lacking}"
        return None if found == "ok" else f"{database}: {found}"
    except StorageError as error:
        return str(error)
    except apsw.Error as error:
        return f"{database}: {storage_error(error)}"


def rebuild_database(
    database: Path, create: Callable[[Path], None], mend: Mend, quarantine: Path
) -> RebuiltDatabase:
    """`create` makes an empty one. A crash leaves the old one in its place."""
    new = database.with_name(f"{database.stem}.new.db")
    with translated():
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                os.unlink(f"{new}{suffix}")
        create(new)
        with closing(connect(new)) as connection:
            with connection:
                done = salvage(database, connection)
                lost = [*done.lost, *mend(connection, done)]
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        aside = _set_aside(database, quarantine)
        for suffix in ("-shape", ""):
            os.rename(f"{new}{suffix}", f"{database}{suffix}")
        _sync(database.parent)
    return RebuiltDatabase(database, done.rows, tuple(lost), aside)


def _set_aside(database: Path, quarantine: Path) -> Path:
    number = sum(1 for _ in quarantine.glob(f"{database.stem}-*"))
    aside = quarantine / f"{database.stem}-{number}"
    aside.mkdir()
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            os.rename(f"{database}{suffix}", aside / f"{database.name}{suffix}")
    return aside


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
