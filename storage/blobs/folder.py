"""A folder of blobs: the places of its files, and their durability.

blobs/ab/<id>         immutable files
work/<slot>/          files that the process of that slot is writing
quarantine/           files that belong to nothing, and may be all that is left of something
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct


class BlobFolder(Struct, frozen=True):
    """Blobs on one disk."""

    path: Path

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def quarantine(self) -> Path:
        return self.path / "quarantine"

    def blob(self, blob_id: str) -> str:
        """Where the blob of that id lies."""
        return f"{self.path}/blobs/{blob_id[:2]}/{blob_id}"


class BlobPlace(Struct, frozen=True):
    """Where one process writes blobs: a folder, and its own slot in `work`."""

    folder: BlobFolder
    slot: str


def make_folders(path: Path) -> None:
    """Make all folders of blobs at once: to make one when it is needed would cost an upload two
    more flushes of folders."""
    for name in ("blobs", "work", "quarantine"):
        (path / name).mkdir(exist_ok=True)
    for number in range(256):
        (path / "blobs" / f"{number:02x}").mkdir(exist_ok=True)
    sync_folder(path / "blobs")


def set_aside(folder: BlobFolder, blob: str) -> None:
    """Move a blob to the quarantine."""
    os.rename(folder.blob(blob), folder.quarantine / blob)
    sync_folder(folder.quarantine)


def blobs_on(folder: BlobFolder) -> Iterator[str]:
    """The ids of the blobs in their folders."""
    for each in sorted(os.scandir(folder.blobs), key=lambda entry: entry.name):
        yield from sorted(entry.name for entry in os.scandir(each.path))


def sync_folder(path: Path | str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
