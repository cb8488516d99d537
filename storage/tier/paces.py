"""Paces of requests, of one process or shared through a file.

The file is a table of fixed slots under one lock of the kernel, held for some microseconds and
given up by a process that dies (open file description locks, fcntl(2)). It is a cache: without it
every pace is as new. Times are of the machine's monotonic clock, the same in all processes; one in
the future is of before a restart of the machine.
"""

from __future__ import annotations

import asyncio
import fcntl
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Protocol, TypeVar

import xxhash
from msgspec import Struct

from storage.token_bucket import TokenBucket

T = TypeVar("T")

FILE = "tier.rates"
# A busy backend slows a bucket down to that share of its rate.
FLOOR = 1 / 64
# Of these, what is not used for a while is full again, and may be forgotten.
SLOTS = 4096
# A pace that was not used for so long is as a new one.
FORGOTTEN_S = 2 * 3600.0
_PROBES = 16
_SKEW_S = 60.0
# Without waiting, the kernel wakes no process: one tries again.
_AGAIN_S = 0.001
# The hash of the key, 0 for a free slot; tokens and their time; the slowed share and its time.
_SLOT = struct.Struct("<Qdddd")
_FLOCK = "hhqqi4x"


class Pace(Struct):
    """Tokens of a bucket and kind; `slowed` is the share of the rate that was left at `busy_s`. A
    new one has as many tokens as it may have."""

    tokens: TokenBucket
    slowed: float = 1.0
    busy_s: float = 0.0

    def share(self, now_s: float, interval_s: float) -> float:
        """Return the share of the rate now: it grows back within an interval."""
        return min(1.0, self.slowed + (now_s - self.busy_s) / interval_s)

    def slow_down(self, now_s: float, interval_s: float) -> None:
        self.slowed = max(self.share(now_s, interval_s) / 2, FLOOR)
        self.busy_s = now_s


def new_pace(now_s: float) -> Pace:
    return Pace(TokenBucket(math.inf, now_s))


class Paces(Protocol):
    async def change(self, key: str, step: Callable[[Pace, float], T]) -> T:
        """Return what `step` makes of the key's pace at the time in seconds, and keep what it
        changes; nothing if it raises. It is called with the pace to itself."""
        ...

    def close(self) -> None: ...


class OwnPaces:
    """Paces of this process alone."""

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        self._paces: dict[str, Pace] = {}

    async def change(self, key: str, step: Callable[[Pace, float], T]) -> T:
        now_s = self._timer()
        if key not in self._paces and len(self._paces) >= SLOTS:
            self._paces.clear()
        return step(self._paces.setdefault(key, new_pace(now_s)), now_s)

    def close(self) -> None:
        self._paces.clear()


class SharedPaces:
    """Paces of all processes that have the file."""

    def __init__(self, path: Path, timer: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._timer = timer
        self._file: int | None = None

    async def change(self, key: str, step: Callable[[Pace, float], T]) -> T:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        await _lock(self._file)
        # Nothing waits from here on: the lock is this process', not this task's.
        try:
            return _changed(self._file, key, self._timer(), step)
        finally:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _changed(file: int, key: str, now_s: float, step: Callable[[Pace, float], T]) -> T:
    mark = xxhash.xxh3_64_intdigest(key.encode()) or 1
    offset, pace = _found(file, mark, now_s)
    result = step(pace, now_s)
    tokens = pace.tokens
    row = _SLOT.pack(mark, tokens.tokens, tokens.at_s, pace.slowed, pace.busy_s)
    os.pwrite(file, row, offset)
    return result


def _found(file: int, mark: int, now_s: float) -> tuple[int, Pace]:
    """Return the pace with that mark and its slot, or a new one with a free slot; where all slots
    that it may have are in use, another one's, to share it."""
    free: int | None = None
    for probe in range(_PROBES):
        offset = (mark + probe) % SLOTS * _SLOT.size
        row = os.pread(file, _SLOT.size, offset)
        taken, tokens, at_s, slowed, busy_s = _SLOT.unpack(row.ljust(_SLOT.size, b"\0"))
        pace = Pace(TokenBucket(tokens, at_s), slowed, busy_s)
        if not taken or not now_s - FORGOTTEN_S <= at_s <= now_s + _SKEW_S:
            free = offset if free is None else free
        elif taken == mark:
            return offset, pace
    return (offset, pace) if free is None else (free, new_pace(now_s))


async def _lock(file: int) -> None:
    while True:
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
            return
        except BlockingIOError:
            await asyncio.sleep(_AGAIN_S)


def _flock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 1, 0)
