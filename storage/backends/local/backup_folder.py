"""Folder with the backups of one store, a subfolder for each.

    s3gw-backups.json                   whose backups these are: the uuids of the mountpaths
    lock                                held by the backup that is written
    2026-11-30T23-20-05.123456Z/1 2 ..  a backup: a data folder for each mountpath, in their order
    2026-11-30T23-20-05.123456Z.unfinished

The name is the moment, in UTC. A backup gets it when all of it is on the disk. Blobs never change,
so backups share those that both have, by hard links: each can be removed, served or copied alone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from storage.backends.local.mountpath import Mountpath
from storage.blobs.folder import sync_folder
from storage.clock import NS_PER_S
from storage.errors import StorageError

FORMAT_VERSION = 1
UNFINISHED = ".unfinished"
_FILE = "s3gw-backups.json"
_LOCK = "lock"
# A new file system has it, and it is empty for us.
_IGNORED = {"lost+found"}


class BackupRefused(StorageError):
    """Nothing was written; the text says why and what to do."""


class _Owner(msgspec.Struct, frozen=True):
    version: int
    members: tuple[str, ...]


class Earlier(Struct, frozen=True):
    """A backup that is there already. The blobs of an `unfinished` one may not be whole."""

    path: Path
    unfinished: bool


class BackupFolder(Struct, frozen=True):
    """For the one backup that is being written."""

    path: Path

    def earlier(self) -> list[Earlier]:
        """The last complete one and all unfinished ones."""
        found = sorted(each for each in self.path.iterdir() if each.is_dir())
        unfinished = [each for each in found if each.name.endswith(UNFINISHED)]
        complete = [each for each in found if each not in unfinished and (each / "1").is_dir()]
        return [
            *(Earlier(each, unfinished=False) for each in complete[-1:]),
            *(Earlier(each, unfinished=True) for each in unfinished),
        ]

    def begin(self, moment_ns: int) -> Path:
        """Make the folder of a new backup."""
        seconds, rest_ns = divmod(moment_ns, NS_PER_S)
        moment = datetime.fromtimestamp(seconds, UTC)
        name = f"{moment:%Y-%m-%dT%H-%M-%S}.{rest_ns // 1000:06}Z"
        unfinished = self.path / f"{name}{UNFINISHED}"
        unfinished.mkdir(mode=0o700)
        return unfinished

    def finish(self, unfinished: Path) -> Path:
        """Make it durable, then give it its name, and remove what was not finished before."""
        _sync_file_system(unfinished)
        done = unfinished.with_name(unfinished.name.removesuffix(UNFINISHED))
        os.rename(unfinished, done)
        sync_folder(self.path)
        for each in self.earlier():
            if each.unfinished:
                shutil.rmtree(each.path, ignore_errors=True)
        return done


@contextmanager
def backup_folder(path: Path, mountpaths: Sequence[Mountpath]) -> Iterator[BackupFolder]:
    """Open the folder of the backups of that store, or make it. Raises `BackupRefused`."""
    _refuse_data_folder(path, mountpaths)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_own(path, mountpaths)
    fd = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd, path)
        yield BackupFolder(path)
    finally:
        os.close(fd)


def _refuse_data_folder(path: Path, mountpaths: Sequence[Mountpath]) -> None:
    there = path.resolve()
    for mountpath in mountpaths:
        if there.is_relative_to(mountpath.path.resolve()):
            raise BackupRefused(f"{path} is in the data folder {mountpath.path}: choose another")
    if (path / "mountpath.json").exists():
        raise BackupRefused(f"{path} is a data folder of s3gw: choose another")


def _require_own(path: Path, mountpaths: Sequence[Mountpath]) -> None:
    owner = _read_owner(path)
    members = mountpaths[0].members
    if owner is None:
        if foreign := {each.name for each in path.iterdir()} - _IGNORED - {_LOCK}:
            raise BackupRefused(
                f"{path} is not empty ({min(foreign)!r} is in it) and has no backups of s3gw: "
                "choose a new folder"
            )
        _write_owner(path, _Owner(FORMAT_VERSION, members))
    elif owner != _Owner(FORMAT_VERSION, members):
        raise BackupRefused(f"{path} has the backups of another store: choose a new folder")


def _read_owner(path: Path) -> _Owner | None:
    try:
        return msgspec.json.decode((path / _FILE).read_bytes(), type=_Owner)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise BackupRefused(f"{path / _FILE} is damaged ({error}): choose a new folder") from error


def _write_owner(path: Path, owner: _Owner) -> None:
    with open(path / _FILE, "xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(owner)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BackupRefused(f"another backup is being written to {path}: wait for it") from None


def _sync_file_system(path: Path) -> None:
    """One flush instead of one for each file."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno() or errno.EIO, os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(fd)
