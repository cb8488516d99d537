"""Count of commits in the index, against a note of the last acknowledged one.

The log of an index can be cut, be lost, or end with a block of zeros, and the index can be that of
last week: SQLite finds nothing wrong. So each transaction counts in the index itself, in the table
`identity`, and the committer notes the count in `index.db-noted` once the commit is on the disk. A
start that finds a lower count than was noted would lose acknowledged objects. The same table says
whose index it is.

The note is not flushed: after a loss of power it may be behind, never ahead. It is written only
where commits wait for the disk.
"""

from __future__ import annotations

from typing import Any

import apsw

from storage.backends.local.mountpath import Mountpath
from storage.errors import Corrupt
from storage.sqlite.noting import Note, noted

COUNT = "UPDATE identity SET commits = commits + 1 RETURNING commits"


def note_for(mountpath: Mountpath) -> Note:
    return Note(mountpath.index, _owner(mountpath))


def _noted(mountpath: Mountpath) -> int:
    return noted(mountpath.index, _owner(mountpath))


def is_counted(mountpath: Mountpath) -> bool:
    """Whether there is a note to compare with."""
    return _noted(mountpath) > 0


def require_acknowledged(mountpath: Mountpath, connection: apsw.Connection) -> None:
    """Raises `Corrupt` for an index that lacks what was acknowledged, or is another's. One that
    does not count yet begins to."""
    count, owner = _counted(connection)
    if not owner:
        stamp(connection, mountpath, 0)
    elif owner != _owner(mountpath):
        raise Corrupt(f"{mountpath.index} is the index of another data folder")
    elif count < (last := _noted(mountpath)):
        raise Corrupt(
            f"{mountpath.index} ends with commit {count}, but commit {last} was acknowledged: its "
            "log is cut or lost, or the file is an older one"
        )


def lost_commits(mountpath: Mountpath, connection: apsw.Connection) -> int:
    """How many were acknowledged after the last one that the index has."""
    count, owner = _counted(connection)
    return max(0, _noted(mountpath) - count) if owner == _owner(mountpath) else 0


def is_anothers(mountpath: Mountpath, connection: apsw.Connection) -> bool:
    return _counted(connection)[1] not in (0, _owner(mountpath))


def stamp(connection: apsw.Connection, mountpath: Mountpath, count: int) -> None:
    values = (max(count, _noted(mountpath)), _owner(mountpath))
    connection.execute("INSERT OR REPLACE INTO identity VALUES(0, ?, ?)", values)


def _counted(connection: apsw.Connection) -> tuple[int, int]:
    found: Any = connection.execute("SELECT commits, mountpath FROM identity").get
    return (0, 0) if found is None else (int(found[0]), int(found[1]))


def _owner(mountpath: Mountpath) -> int:
    """Never 0; SQLite's integers have a sign."""
    return mountpath.digest >> 1 | 1
