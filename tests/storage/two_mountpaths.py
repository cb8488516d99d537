"""A store of two mountpaths, and names of which it is known that they live apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from storage.backends.local import index, prepare
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.placement import place
from tests.storage.local_stores import mountpaths_in

BUCKET = "bucket"


def folders_that_part(root: Path, one: str, other: str) -> list[Path]:
    """Two new mountpaths, each with one of the names."""
    for number in count():
        paths = mountpaths_in(root / str(number), 2)
        with prepare(paths):
            homes = {home_of(paths, name).uuid for name in (one, other)}
        if len(homes) == 2:
            return paths
    raise AssertionError


def home_of(paths: list[Path], name: str) -> Mountpath:
    mountpaths = read_mountpaths(paths)
    return mountpaths[place(BUCKET, name, [each.digest for each in mountpaths])]


def rows_of(paths: list[Path], sql: str) -> list[Any]:
    """What all indexes say."""
    return [row for path in paths for row in _rows(path, sql)]


def _rows(path: Path, sql: str) -> Iterator[Any]:
    with closing(index.connect(path / "index.db")) as connection:
        yield from connection.execute(sql).fetchall()
