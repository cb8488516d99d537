"""Note beside a database of the last commit that was acknowledged.

It is not flushed: after a loss of power it may be behind, never ahead.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

import xxhash

_NOTE = struct.Struct("<QQQ")


class Note:
    """For one thread. `owner` tells databases of one name apart."""

    def __init__(self, database: Path, owner: int) -> None:
        self._path = note_of(database)
        self._owner = owner
        self._fd = -1

    def write(self, count: int) -> None:
        """What cannot be noted is not: it only says what must not get lost."""
        with suppress(OSError):
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _read(os.pread(self._fd, _NOTE.size, 0), self._owner) < count:
                os.pwrite(self._fd, _packed(self._owner, count), 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def note_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-noted")


def has_note(database: Path) -> bool:
    """Whether there is one that can be read, whoever wrote it."""
    try:
        raw = note_of(database).read_bytes()
    except FileNotFoundError:
        return False
    return len(raw) == _NOTE.size and _packed(*struct.unpack("<QQ", raw[:16])) == raw


def noted(database: Path, owner: int) -> int:
    """0 without a note that can be read."""
    try:
        return _read(note_of(database).read_bytes(), owner)
    except FileNotFoundError:
        return 0


def _packed(owner: int, count: int) -> bytes:
    facts = struct.pack("<QQ", owner, count)
    return facts + xxhash.xxh3_64_digest(facts)


def _read(raw: bytes, owner: int) -> int:
    if len(raw) != _NOTE.size or _packed(*struct.unpack("<QQ", raw[:16])) != raw:
        return 0
    found, count, _ = _NOTE.unpack(raw)
    return int(count) if found == owner else 0
