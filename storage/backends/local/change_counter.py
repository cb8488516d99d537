"""A counter in a file, shared by processes, odd during a change.

It is odd while a change to several indexes is under way. A reader that finds the same even number
before and after it looked has seen no half-done change (a seqlock). Only the holder of the lock on
that file changes the number. 8 bytes, little-endian.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_NUMBER = struct.Struct("<Q")


class ChangeCounter:
    """Opened once by each process, and mapped into its memory: reading it costs no system call."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._fd).st_size < _NUMBER.size:
            os.ftruncate(self._fd, _NUMBER.size)
        self._mapped = mmap.mmap(self._fd, _NUMBER.size, mmap.MAP_SHARED, mmap.PROT_READ)

    def close(self) -> None:
        self._mapped.close()
        os.close(self._fd)

    def read(self) -> int:
        number: int = _NUMBER.unpack_from(self._mapped)[0]
        return number

    def begin(self) -> None:
        """Make it odd; it is already if the process that changed something last was killed."""
        if self.read() % 2 == 0:
            self._advance()

    def settle(self) -> None:
        """Make it even again, once nothing is half done."""
        if self.read() % 2:
            self._advance()

    def _advance(self) -> None:
        count = (self.read() + 1) % (1 << 8 * _NUMBER.size)
        os.pwrite(self._fd, _NUMBER.pack(count), 0)
