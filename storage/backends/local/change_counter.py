"""A counter in a file, shared by processes, odd during a change.

It is odd while a change to several indexes is under way. A reader that finds the same even number
before and after it looked has seen no half-done change (a seqlock). Only the holder of the lock on
that file changes the number. 8 bytes, little-endian.
"""

from __future__ import annotations

import os
from pathlib import Path

_BYTES = 8


class ChangeCounter:
    """Opened once by each process; reading it costs one `pread`."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._fd)

    def read(self) -> int:
        return int.from_bytes(os.pread(self._fd, _BYTES, 0), "little")

    def begin(self) -> None:
        """Make it odd; it is already if the process that changed something last was killed."""
        if self.read() % 2 == 0:
            self._advance()

    def settle(self) -> None:
        """Make it even again, once nothing is half done."""
        if self.read() % 2:
            self._advance()

    def _advance(self) -> None:
        count = (self.read() + 1) % (1 << 8 * _BYTES)
        os.pwrite(self._fd, count.to_bytes(_BYTES, "little"), 0)
