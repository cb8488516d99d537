"""The shared folder: its identity, and slots of processes that write.

folder.json           the folder's id, which the database has too
blobs/ab/<id>         immutable files
work/<node>-<id>/     files that one process is writing, and its lock

A folder that is not the database's is refused: it may be that nothing is mounted there, and what is
written then is on the wrong disk. The lock of a slot is held for as long as its process lives, by
`flock`; only processes of the same node look at it, so a file system whose locks do not reach from
one machine to another is good enough.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from cluster.database.connecting import Database
from storage.blobs.folder import BlobFolder, BlobPlace, make_folders, sync_folder
from storage.startup_errors import MountpathError

FORMAT_VERSION = 1
LOCK = "lock"


class Identity(Struct, frozen=True):
    version: int
    uuid: str


async def open_folder(database: Database, path: Path) -> BlobFolder:
    """Return the folder, which the first process makes. Raises `MountpathError` unless it is the
    one of this database."""
    async with database.connection() as connection, connection.transaction():
        # One process at a time.
        await connection.execute("LOCK TABLE s3gw.folder IN SHARE ROW EXCLUSIVE MODE")
        found: uuid.UUID | None = await connection.fetchval("SELECT uuid FROM s3gw.folder")
        if found is not None:
            await asyncio.to_thread(_require, path, str(found))
        else:
            made = await asyncio.to_thread(_format, path)
            sql = "INSERT INTO s3gw.folder(uuid) VALUES ($1)"
            await connection.execute(sql, uuid.UUID(made))
    return BlobFolder(path)


def _require(path: Path, expected: str) -> None:
    identity = _read(path)
    if identity is None:
        raise MountpathError(f"{path} is not the folder of this database: is it mounted?")
    if identity.uuid != expected:
        raise MountpathError(f"{path} is the folder {identity.uuid} and not {expected}")


def _format(path: Path) -> str:
    """Make a new folder; one that a crash left without a row in the database has no blobs."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any((path / "blobs").glob("*/*")):
        raise MountpathError(f"{path} holds blobs of another database; choose an empty folder")
    make_folders(path)
    for each in path.iterdir():
        # The folder itself may be the root of a file system, which others may look into.
        if each.is_dir():
            each.chmod(0o700)
    identity = Identity(FORMAT_VERSION, str(uuid.uuid4()))
    aside = path / "folder.json.new"
    with open(aside, "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path / "folder.json")
    sync_folder(path)
    return identity.uuid


def _read(path: Path) -> Identity | None:
    try:
        identity = msgspec.json.decode((path / "folder.json").read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise MountpathError(f"{path}/folder.json cannot be read: {error}") from error
    if identity.version != FORMAT_VERSION:
        raise MountpathError(
            f"{path} has format {identity.version}, this version of s3gw knows {FORMAT_VERSION}"
        )
    return identity


class Slot:
    """A slot that this process has: its own, or that of a dead one."""

    def __init__(self, folder: BlobFolder, name: str, fd: int) -> None:
        self.place = BlobPlace(folder, name)
        self._fd = fd

    @property
    def path(self) -> Path:
        return self.place.folder.work / self.place.slot

    def files(self) -> list[Path]:
        """Return the work files that are in it."""
        return sorted(each for each in self.path.iterdir() if each.name != LOCK)

    def now_s(self) -> float:
        """Return the time by the clock of the file system, which no other one is compared with."""
        os.utime(self._fd)
        return os.fstat(self._fd).st_mtime

    def remove(self) -> None:
        """Remove an empty slot, before it is closed."""
        os.unlink(self.path / LOCK)
        with suppress(OSError):  # a file came to it, which the next process looks at
            os.rmdir(self.path)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def new_slot(folder: BlobFolder, node: str) -> Slot:
    """Make a slot for this process. Raises `OSError`."""
    while True:
        name = f"{node}-{os.urandom(8).hex()}"
        (folder.work / name).mkdir(mode=0o700)
        # One that looks for dead ones may have been faster.
        if (slot := _taken(folder, name)) is not None:
            return slot


def dead_slots(folder: BlobFolder, node: str) -> Iterator[Slot]:
    """Yield the slots of the node's processes that do not live any more; the caller closes each."""
    for entry in sorted(os.scandir(folder.work), key=lambda each: each.name):
        of, _, number = entry.name.rpartition("-")
        if of == node and number and (slot := _taken(folder, entry.name)) is not None:
            yield slot


def _taken(folder: BlobFolder, name: str) -> Slot | None:
    """None when another process has it, or it is gone."""
    path = folder.work / name / LOCK
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(fd).st_ino:
            return Slot(folder, name, fd)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None
