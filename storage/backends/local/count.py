"""A number in a file that all processes of a store look at: odd while something changes that
touches several indexes, even in between.

Who saw the same even number before and after has seen nothing half done. Only the holder of the
lock that the file belongs to changes it.
"""

from __future__ import annotations

import os
from pathlib import Path

_BYTES = 8


class Count:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._fd)

    def read(self) -> int:
        return int.from_bytes(os.pread(self._fd, _BYTES, 0), "little")

    def begin(self) -> None:
        """Odd from here on; it may be already, if somebody died."""
        if self.read() % 2 == 0:
            self._advance()

    def settle(self) -> None:
        if self.read() % 2:
            self._advance()

    def _advance(self) -> None:
        count = (self.read() + 1) % (1 << 8 * _BYTES)
        os.pwrite(self._fd, count.to_bytes(_BYTES, "little"), 0)
