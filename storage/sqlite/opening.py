"""First look at a database, before SQLite uses, and so overwrites, its log."""

from __future__ import annotations

from pathlib import Path

import apsw

from storage.errors import Corrupt
from storage.sqlite.connection import connect
from storage.sqlite.pages import Pages, Trust
from storage.sqlite.shape import shape_file
from storage.sqlite.wal import PAGE_BYTES, find_damage, log_of


def require_whole(database: Path, *, synced: bool = True, counted: bool = False) -> None:
    """Raises `Corrupt` when to use the database would lose what was committed. Changes nothing.
    For one process, before any other opens it. `synced`: commits wait for the disk. `counted`: the
    caller knows how many were acknowledged, and compares."""
    if not database.exists():
        if shape_file(database).exists():
            raise Corrupt(f"{database} is missing, and it was there before")
        return
    log = log_of(database)
    if log.exists() and log.stat().st_size > PAGE_BYTES:
        damage = find_damage(log, _readable_frames(database), synced=synced, counted=counted)
        if damage is not None:
            raise Corrupt(
                f"{log} is damaged at its frame {damage.frame}: {damage.transactions} committed "
                "transactions, with the objects that they acknowledged, are behind it and would be "
                "lost if it was used"
            )
    # A journal is left by a crash while the database was made.
    if database.stat().st_size and not database.with_name(f"{database.name}-journal").exists():
        _require_first_page(database)


def _readable_frames(database: Path) -> int:
    """How many frames SQLite reads. It checks the sums a thousand times faster."""
    try:
        connection = connect(database, keep_log=True)
        try:
            frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            return max(frames, 0)
        finally:
            connection.close()
    except apsw.Error:
        return 0


def _require_first_page(database: Path) -> None:
    """SQLite looks at it before cksumvfs has verified it: whether pages have checksums is a byte
    there."""
    with open(database, "rb") as file:
        if Pages.is_whole(file.read(PAGE_BYTES)):
            return
    pages = Pages(database)
    try:
        if not pages.has_logged(1) or pages.get(1).trust is not Trust.SURE:
            raise Corrupt(f"page 1 of {database} is damaged")
    finally:
        pages.close()
