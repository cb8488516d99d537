"""Shared memory of a node: the replica in use, and its age.

Processes of the node map one small file. Each field is a machine word that is written whole. The
clock is the machine's, since its boot: the same for all processes, it counts while the machine is
suspended, and nobody sets it.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path

FILE_NAME = "note"

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_CURRENT, _GENERATION, _DAMAGED = range(3)
_BYTES = 24


# Nanoseconds since the machine's boot.
BootClock = Callable[[], int]


def boot_clock() -> int:
    return time.clock_gettime_ns(_CLOCK)


class NodeNote:
    """The note in a folder; created where it is missing. For any number of threads."""

    def __init__(self, folder: Path) -> None:
        fd = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size != _BYTES:
                # Written, not only made longer: a full disk is an error here, and a signal later.
                os.ftruncate(fd, 0)
                os.pwrite(fd, bytes(_BYTES), 0)
            self._map = mmap.mmap(fd, _BYTES)
        finally:
            os.close(fd)
        self._words = memoryview(self._map).cast("q")

    @property
    def current_ns(self) -> int:
        """When the replica had all that was committed, by the boot clock; 0: not yet."""
        return self._words[_CURRENT]

    @current_ns.setter
    def current_ns(self, time_ns: int) -> None:
        self._words[_CURRENT] = time_ns

    @property
    def generation(self) -> int:
        """Number of the file that is in use."""
        return self._words[_GENERATION]

    @generation.setter
    def generation(self, number: int) -> None:
        self._words[_GENERATION] = number

    @property
    def is_damaged(self) -> bool:
        """Whether a process found the file that is in use to be damaged."""
        return 0 < self._words[_GENERATION] == self._words[_DAMAGED]

    def report_damage(self, generation: int) -> None:
        self._words[_DAMAGED] = generation

    def close(self) -> None:
        self._words.release()
        self._map.close()
