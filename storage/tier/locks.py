"""Locks on single objects, held by one task of one process at a time.

All are bytes of one empty file: the hash of an object's name is the offset of its byte. The kernel
gives up the locks of a process that dies (open file description locks, fcntl(2)).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import xxhash

FILE = "tier.lock"
# The kernel wakes nobody who asks without waiting: one asks again, at growing distances.
_FIRST_WAIT_S = 0.001
_LONGEST_WAIT_S = 0.05
# The largest offset of a file is 2**63 - 1.
_OFFSETS = (1 << 62) - 1
_FLOCK = "hhqqi4x"


class ObjectLocks:
    """Locks of this process and, through the file at `path`, of all; without one of this alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._here: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._users: defaultdict[str, int] = defaultdict(int)

    @asynccontextmanager
    async def hold(self, bucket: str, name: str) -> AsyncIterator[None]:
        """Wait for the object's lock, and hold it."""
        key = f"{bucket}/{name}"
        self._users[key] += 1
        try:
            async with self._here[key]:
                file = await self._locked(key)
                try:
                    yield
                finally:
                    if file is not None:
                        os.close(file)
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._here[key]

    async def _locked(self, key: str) -> int | None:
        """Return a file that holds the lock until it is closed."""
        if self._path is None:
            return None
        offset = xxhash.xxh3_64_intdigest(key.encode()) & _OFFSETS
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        wait_s = _FIRST_WAIT_S
        try:
            while True:
                try:
                    fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
                    return file
                except BlockingIOError:
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        except BaseException:
            os.close(file)
            raise
