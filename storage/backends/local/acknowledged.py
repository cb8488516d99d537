"""Count of commits in the index, and a note beside it of the last one that was acknowledged.

The log of an index can be cut, be lost, or end with a block of zeros, and the index can be that of
last week: SQLite finds nothing wrong. So each transaction counts in the index itself, in the table
`identity`, and the committer notes the count in `index.db-noted` once the commit is on the disk. A
start that finds a lower count than was noted would lose acknowledged objects. The same table says
whose index it is.

The note is not flushed: after a loss of power it may be behind, never ahead. It is written only
where commits wait for the disk.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import xxhash

from storage.backends.local.mountpath import Mountpath
from storage.errors import Corrupt

COUNT = "UPDATE identity SET commits = commits + 1 RETURNING commits"
_NOTE = struct.Struct("<QQQ")


class Note:
    """That of one mountpath, for one thread."""

    def __init__(self, mountpath: Mountpath) -> None:
        self._path = note_of(mountpath)
        self._owner = _owner(mountpath)
        self._fd = -1

    def write(self, count: int) -> None:
        """What cannot be noted is not: it only says what must not get lost."""
        with suppress(OSError):
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _noted(os.pread(self._fd, _NOTE.size, 0), self._owner) < count:
                os.pwrite(self._fd, _packed(self._owner, count), 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def note_of(mountpath: Mountpath) -> Path:
    return mountpath.path / "index.db-noted"


def noted(mountpath: Mountpath) -> int:
    """0 without a note that can be read."""
    try:
        return _noted(note_of(mountpath).read_bytes(), _owner(mountpath))
    except FileNotFoundError:
        return 0


def require_acknowledged(mountpath: Mountpath, connection: apsw.Connection) -> None:
    """Raises `Corrupt` for an index that lacks what was acknowledged, or is another's. One that
    does not count yet begins to."""
    count, owner = _counted(connection)
    if not owner:
        stamp(connection, mountpath, 0)
    elif owner != _owner(mountpath):
        raise Corrupt(f"{mountpath.index} is the index of another data folder")
    elif count < (last := noted(mountpath)):
        raise Corrupt(
            f"{mountpath.index} ends with commit {count}, but commit {last} was acknowledged: its "
            "log is cut or lost, or the file is an older one"
        )


def lost_commits(mountpath: Mountpath, connection: apsw.Connection) -> int:
    """How many were acknowledged after the last one that the index has."""
    count, owner = _counted(connection)
    return max(0, noted(mountpath) - count) if owner == _owner(mountpath) else 0


def is_anothers(mountpath: Mountpath, connection: apsw.Connection) -> bool:
    return _counted(connection)[1] not in (0, _owner(mountpath))


def stamp(connection: apsw.Connection, mountpath: Mountpath, count: int) -> None:
    values = (max(count, noted(mountpath)), _owner(mountpath))
    connection.execute("INSERT OR REPLACE INTO identity VALUES(0, ?, ?)", values)


def _counted(connection: apsw.Connection) -> tuple[int, int]:
    found: Any = connection.execute("SELECT commits, mountpath FROM identity").get
    return (0, 0) if found is None else (int(found[0]), int(found[1]))


def _owner(mountpath: Mountpath) -> int:
    """Never 0; SQLite's integers have a sign."""
    return mountpath.digest >> 1 | 1


def _packed(owner: int, count: int) -> bytes:
    facts = struct.pack("<QQ", owner, count)
    return facts + xxhash.xxh3_64_digest(facts)


def _noted(raw: bytes, owner: int) -> int:
    if len(raw) != _NOTE.size or _packed(*struct.unpack("<QQ", raw[:16])) != raw:
        return 0
    found, count, _ = _NOTE.unpack(raw)
    return int(count) if found == owner else 0
