"""Blobs of a store in the shared folder: hard links, or verified copies.

A hard link costs no room, and leaves the store as it was: blobs never change, and each of the two
removes its own name only.
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from cluster.adopting.errors import AdoptionRefused
from storage.blobs.copying import copy_verified
from storage.blobs.folder import BlobFolder, sync_folder
from storage.blobs.reading import Vanished
from storage.blobs.verifying import blocks_of, require_label
from storage.disk_errors import disk_error
from storage.errors import Corrupt, DeviceFailed
from storage.index.rows import Chunk

# What a file system says that cannot link one of these files.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)


class How(Enum):
    LINK = "link"
    COPY = "copy"


class Taken(Struct, frozen=True):
    """What became of one blob: `problem` is what is wrong with it; it is `new` in the folder unless
    an earlier run brought it."""

    new: bool = False
    problem: str = ""


class Shared:
    """The shared folder, as blobs of one store come into it; for several threads. With `verify` all
    bytes are read, else the label and the hashes at the end of each file."""

    def __init__(self, folder: BlobFolder, store: UUID, how: How, *, verify: bool) -> None:
        self._folder = folder
        self._how = how
        self._verify = verify
        # Not a name that a process of a node would take for one of its own.
        self._aside = folder.work / f"adopting:{store}"

    def prepare(self, folder: BlobFolder) -> None:
        """Try what will be done with blobs of that folder. Raises `AdoptionRefused`."""
        self._aside.mkdir(mode=0o700, exist_ok=True)
        for left in self._aside.iterdir():
            left.unlink()
        if self._how is How.LINK:
            self._link(folder.path / "mountpath.json", self._aside / "tried")
            os.unlink(self._aside / "tried")

    def take(self, chunk: Chunk, source: BlobFolder) -> Taken:
        """Bring a blob into the folder, if it is not there, and check it. Raises `OutOfSpace`,
        `DeviceFailed` of the shared folder, and `AdoptionRefused`."""
        try:
            new = not os.path.exists(self._folder.blob(chunk.blob))
            if new:
                self._bring(chunk, source)
            check(self._folder, chunk, verify=self._verify)
        except (Corrupt, DeviceFailed) as error:
            return Taken(problem=str(error))
        except (Vanished, FileNotFoundError):
            return Taken(problem="blob missing")
        except OSError as error:
            raise disk_error(error) from error
        return Taken(new)

    def _bring(self, chunk: Chunk, source: BlobFolder) -> None:
        target = Path(self._folder.blob(chunk.blob))
        if self._how is How.LINK:
            self._link(Path(source.blob(chunk.blob)), target)
            return
        aside = self._aside / chunk.blob
        aside.unlink(missing_ok=True)
        copy_verified(source, chunk, str(aside), lambda _: None, sync=True)
        os.rename(aside, target)

    def _link(self, source: Path, target: Path) -> None:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            raise AdoptionRefused(
                f"{source} cannot be linked into {self._folder.path} ({error.strerror}): put the "
                "shared folder on the file system of the data folder, or let --copy copy the "
                "blobs; for `Operation not permitted`, run as the owner of the data folder"
            ) from error

    def finish(self, threads: ThreadPoolExecutor, *, unsynced: bool) -> None:
        """Make all names durable, and the bytes of a store that never waited for the disk. Raises
        `DeviceFailed`."""
        if unsynced:
            os.sync()
        try:
            names = [entry.path for entry in os.scandir(self._folder.blobs)]
            list(threads.map(sync_folder, [*names, self._folder.blobs]))
            with suppress(FileNotFoundError):
                os.rmdir(self._aside)
        except OSError as error:
            raise disk_error(error) from error

    def remove(self, chunk: Chunk) -> None:
        """Take a blob out again, whose row is about to go."""
        with suppress(FileNotFoundError):
            os.unlink(self._folder.blob(chunk.blob))


class Unshared:
    """The blobs where they are, for a dry run."""

    def __init__(self, *, verify: bool) -> None:
        self._verify = verify

    def take(self, chunk: Chunk, source: BlobFolder) -> Taken:
        try:
            check(source, chunk, verify=self._verify)
        except (Corrupt, DeviceFailed) as error:
            return Taken(problem=str(error))
        except (Vanished, FileNotFoundError):
            return Taken(problem="blob missing")
        return Taken(new=True)


def check(folder: BlobFolder, chunk: Chunk, *, verify: bool) -> None:
    """Raises `Corrupt`, `Vanished`, `FileNotFoundError`, `DeviceFailed`."""
    require_label(folder.blob(chunk.blob), chunk)
    if verify:
        for _ in blocks_of(folder, chunk):
            pass
