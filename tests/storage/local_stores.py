"""Local stores for tests, on one mountpath or on several."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare
from storage.clock import Clock


def mountpaths_in(root: Path, count: int) -> list[Path]:
    return [root / f"mountpath-{number}" for number in range(count)]


@contextmanager
def local_store(paths: Sequence[Path], clock: Clock, options: StoreOptions) -> Iterator[LocalStore]:
    """A store that recovers when it is opened, as after every start, and closes at the end."""
    with prepare(paths):
        store = LocalStore.open(paths, slot="0", clock=clock, options=options)
        try:
            yield store
        finally:
            store.close()


def empty_again(root: Path) -> None:
    """Remove every file below the data folders in `root`, and leave their many folders of blobs:
    to make and remove those for each test takes longer than most tests."""
    for folder in root.iterdir():
        for each in folder.iterdir():
            if each.name == "blobs":
                for shelf in os.scandir(each):
                    for blob in os.scandir(shelf):
                        os.unlink(blob)
            elif each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()


def collect(maintainer: Maintainer) -> None:
    """Everything that nobody reads, however many runs it takes."""
    while maintainer.run_once().more:
        pass


def blobs_in(paths: Sequence[Path]) -> set[str]:
    """The ids of all blobs that are there, finished or not."""
    files = (
        file for path in paths for kind in ("blobs", "work") for file in (path / kind).rglob("*")
    )
    return {file.name for file in files if file.is_file()}
