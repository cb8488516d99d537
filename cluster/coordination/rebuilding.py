"""Rebuilding of a damaged coordination store.

Where entries are lost, the log of changes may have their newest values; it is not asked otherwise,
since it may have lost a deletion. A value from a damaged page is left out and named. All readers
start anew: the log begins behind what was.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import apsw

from cluster.coordination.embedded import last_acknowledged, prepare
from storage.sqlite.rebuilding import RebuiltDatabase, rebuild_database
from storage.sqlite.salvage import Salvaged

# Above every revision that a lost page may have had.
_LEAP = 1 << 20


def rebuild(file: Path, quarantine: Path) -> RebuiltDatabase:
    mend = partial(_mend, last_acknowledged(file))
    return rebuild_database(file, _create, mend, quarantine)


def _create(file: Path) -> None:
    prepare(file)


def _mend(last: int, connection: apsw.Connection, salvaged: Salvaged) -> list[str]:
    doubtful = salvaged.doubtful.get("entries", set())
    connection.executemany("DELETE FROM entries WHERE key = ?", doubtful)
    connection.executemany(
        "DELETE FROM log WHERE revision = ? AND key = ?", salvaged.doubtful.get("log", set())
    )
    lost = {key for (key,) in doubtful if isinstance(key, bytes)}
    if "entries" in salvaged.damaged:
        sql = "SELECT key, value, max(revision) FROM log GROUP BY key"
        changes: Any = connection.execute(sql).fetchall()
        for key, value, revision in changes:
            _replay(connection, key, value, revision)
            lost.discard(key)
    named = [f"entry {key.decode(errors='backslashreplace')}" for key in sorted(lost)]
    ended = _begin_anew(connection, last)
    return [*named, f"the changes after revision {ended}"] if ended < last else named


def _begin_anew(connection: apsw.Connection, last: int) -> int:
    """Returns the highest revision that was found."""
    sql = """SELECT max(mod_revision) FROM entries UNION ALL SELECT max(revision) FROM log
    UNION ALL SELECT max(revision) FROM state"""
    highest: Any = connection.execute(sql).fetchall()
    ended = max(int(found or 0) for (found,) in highest)
    revision = max(ended, last) + _LEAP
    connection.execute("DELETE FROM log")
    connection.execute("INSERT OR REPLACE INTO state VALUES(0, ?1, ?1)", (revision,))
    return ended


def _replay(connection: apsw.Connection, key: bytes, value: bytes | None, revision: int) -> None:
    """The newest change of a key; its entry may be from an older page."""
    sql = "SELECT mod_revision FROM entries WHERE key = ?"
    found: Any = connection.execute(sql, (key,)).get
    if found is not None and found >= revision:
        return
    if value is None:
        connection.execute("DELETE FROM entries WHERE key = ?", (key,))
    else:
        values = (key, value, revision)
        connection.execute("INSERT OR REPLACE INTO entries VALUES(?, ?, ?)", values)
