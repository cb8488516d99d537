"""Damage to files, and folders as a killed server leaves them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def flip(file: Path, place: int, bit: int = 6) -> None:
    with open(file, "r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << bit]))


def zero(file: Path, place: int, size: int = 4096) -> None:
    with open(file, "r+b") as opened:
        opened.seek(place)
        opened.write(bytes(min(size, file.stat().st_size - place)))


@contextmanager
def flipped(file: Path, place: int, bit: int = 6) -> Iterator[None]:
    flip(file, place, bit)
    yield
    flip(file, place, bit)


def as_killed(folder: Path, copy: Path) -> Path:
    """A copy of the data folder of a store that is still open: as if its process was killed."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("lock", "*-shm", "work"))
    (copy / "work").mkdir()
    return copy
