"""Pages of a database as they were last, read past SQLite.

A page is in the log, or else in the file, where cksumvfs puts a checksum into its last eight bytes.
A single wrong bit is put right where it is known which one it is.
"""

from __future__ import annotations

import os
import struct
from enum import Enum
from pathlib import Path

from msgspec import Struct

from storage.sqlite.checksums import Sums, checksum_of, differ_in_one_bit
from storage.sqlite.wal import PAGE_BYTES, Frame, State, log_of, replay, with_flipped

_CHECKSUM = 8
USABLE = PAGE_BYTES - _CHECKSUM
_WORDS = USABLE // 4


class Trust(Enum):
    """`OLD` pages were whole, but have been written since, and that is lost."""

    SURE = "sure"
    DAMAGED = "damaged"
    OLD = "old"
    LOST = "lost"


class Page(Struct, frozen=True):
    content: bytes
    trust: Trust


_NOTHING = Page(b"", Trust.LOST)


class Pages:
    """Numbered from 1."""

    def __init__(self, database: Path) -> None:
        self._fd = -1
        self._in_log: dict[int, Frame] = {}
        self.lost_frames = 0
        self._old: set[int] = set()
        for frame in replay(log_of(database)):
            self._take(frame)
        size = 0
        try:
            self._fd = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
            size = os.fstat(self._fd).st_size // PAGE_BYTES
        except FileNotFoundError:
            pass
        self.count = max(size, *self._in_log, 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def get(self, number: int) -> Page:
        if (frame := self._in_log.get(number)) is not None:
            is_sure = frame.state is not State.DOUBTFUL and number not in self._old
            trust = Trust.SURE if is_sure else Trust.DAMAGED
            return Page(frame.content, Trust.OLD if number in self._old else trust)
        if not 0 < number <= self.count or self._fd < 0:
            return _NOTHING
        page = _checked(os.pread(self._fd, PAGE_BYTES, (number - 1) * PAGE_BYTES))
        is_old = number in self._old and page.trust is not Trust.LOST
        return Page(page.content, Trust.OLD) if is_old else page

    def has_logged(self, number: int) -> bool:
        return number in self._in_log

    @staticmethod
    def is_whole(raw: bytes) -> bool:
        """Whether it is just as cksumvfs wrote it."""
        return len(raw) == PAGE_BYTES and _sums(raw) == _stored_sums(raw)

    def _take(self, frame: Frame) -> None:
        """Frames in their order: a later one makes up for one that was lost."""
        if frame.state in (State.BAD, State.FOREIGN):
            self.lost_frames += 1
            self._old.add(frame.page)
        else:
            self._old.discard(frame.page)
            self._in_log[frame.page] = frame


def _checked(raw: bytes) -> Page:
    if len(raw) < PAGE_BYTES or not any(raw):
        return _NOTHING
    stored, found = _stored_sums(raw), _sums(raw)
    if found == stored or differ_in_one_bit(found, stored):
        return Page(raw, Trust.SURE)
    words = struct.unpack_from(f"<{_WORDS}I", raw)
    flips = checksum_of(_WORDS).flips(words, found, stored)
    if len(flips) == 1:
        return Page(with_flipped(words, flips[0], "<") + raw[USABLE:], Trust.SURE)
    return Page(raw, Trust.DAMAGED)


def _sums(raw: bytes) -> Sums:
    return checksum_of(_WORDS).of(struct.unpack_from(f"<{_WORDS}I", raw))


def _stored_sums(raw: bytes) -> Sums:
    first, second = struct.unpack_from("<2I", raw, USABLE)
    return first, second
