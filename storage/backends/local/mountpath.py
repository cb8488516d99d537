"""Mountpaths: data folders with an identity and a lock against a second server.

mountpath.json        uuid, format version, the uuids of the whole set in their order
lock                  held with flock by the server that uses the folder
buckets.lock          in the first mountpath: held while a bucket is created, changed or removed
buckets.json          the names of buckets that have another label, if there are any
renames.lock          in the first mountpath: held while an object changes its mountpath
blobs.lock            in the first mountpath: held while blobs are removed, or a backup copies them
index.db              the truth
blobs/ab/<id>         immutable files
ballast               room for deletions on a full disk
work/<slot>/          files that the process of that slot is writing
quarantine/           what fsck did not understand
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from storage.backends.local.placement import digest_of
from storage.blobs.folder import BlobFolder, make_folders, sync_folder
from storage.startup_errors import MountpathError

FORMAT_VERSION = 1


class Identity(msgspec.Struct, frozen=True):
    """What `mountpath.json` says. Until `ready` the folders were never used."""

    version: int
    uuid: str
    members: tuple[str, ...]
    ready: bool = False


class Mountpath(BlobFolder, frozen=True):
    """One data folder, whose identity was read and is valid."""

    uuid: str
    digest: int
    members: tuple[str, ...]
    ready: bool

    @property
    def index(self) -> Path:
        return self.path / "index.db"

    @property
    def buckets_lock(self) -> Path:
        return self.path / "buckets.lock"

    @property
    def renames_lock(self) -> Path:
        return self.path / "renames.lock"

    @property
    def blobs_lock(self) -> Path:
        return self.path / "blobs.lock"


class FolderLocks:
    """The locks on a set of data folders. Children that inherit the fds keep the folders locked."""

    def __init__(self, fds: Sequence[int]) -> None:
        self.fds = tuple(fds)

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds = ()

    def __enter__(self) -> FolderLocks:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class FileLock:
    """An exclusive lock that waits for its turn; forgotten, it is released."""

    def __init__(self, path: Path) -> None:
        self.fd = -1
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def lock_folders(paths: Sequence[Path]) -> FolderLocks:
    """Raises `MountpathError` naming the folder that another server uses."""
    fds: list[int] = []
    try:
        for path in paths:
            fds.append(_lock(path))
    except BaseException:
        FolderLocks(fds).close()
        raise
    return FolderLocks(fds)


def _lock(path: Path) -> int:
    fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise MountpathError(
                f"{path} is in use by another s3gw; stop it, or give this one its own folder"
            ) from error
        raise
    os.set_inheritable(fd, True)
    return fd


def format_folders(paths: Sequence[Path]) -> None:
    """Give new folders their identities; folders in use stay as they are. A folder that a crash
    left unready was never used and gets a new one."""
    known = [path for path in paths if (path / "mountpath.json").exists()]
    if any(_read_identity(path)[1].ready for path in known):
        return
    for path in paths:
        if path not in known:
            _refuse_foreign_content(path)
    members = tuple(str(uuid.uuid4()) for _ in paths)
    for path, own in zip(paths, members, strict=True):
        make_folders(path)
        _write_identity(path, Identity(FORMAT_VERSION, own, members))


def mark_ready(mountpaths: Sequence[Mountpath]) -> None:
    """From here on a missing index is a loss and not a beginning."""
    for each in mountpaths:
        if not each.ready:
            identity = Identity(FORMAT_VERSION, each.uuid, each.members, ready=True)
            _write_identity(each.path, identity)


def copy_identity(original: Mountpath, path: Path) -> Mountpath:
    """Give a new folder the identity of another one, that of a copy."""
    path.mkdir(mode=0o700)
    make_folders(path)
    identity = Identity(FORMAT_VERSION, original.uuid, original.members, original.ready)
    _write_identity(path, identity)
    return msgspec.structs.replace(original, path=path)


def _refuse_foreign_content(path: Path) -> None:
    """An index without an identity was half copied: to make it new would hide its objects."""
    blobs = (path / "blobs").glob("*/*")
    if (path / "index.db").exists() or any(blobs):
        raise MountpathError(
            f"{path} holds s3gw data but no mountpath.json; restore that file from a backup, "
            "or choose an empty folder"
        )


def _write_identity(path: Path, identity: Identity) -> None:
    aside = path / "mountpath.json.new"
    with open(aside, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(identity)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path / "mountpath.json")
    sync_folder(path)


def read_mountpaths(paths: Sequence[Path]) -> tuple[Mountpath, ...]:
    """Return the set in its own order. Raises `MountpathError` when the paths are another set."""
    if not paths:
        raise MountpathError("no data folder was given; name at least one")
    found = {identity.uuid: (path, identity) for path, identity in map(_read_identity, paths)}
    if len(found) < len(paths):
        raise MountpathError("the same mountpath was given twice; name each data folder once")
    members = next(iter(found.values()))[1].members
    _check_set(found, members)
    return tuple(
        Mountpath(found[uid][0], uid, digest_of(uid), members, found[uid][1].ready)
        for uid in members
    )


def _read_identity(path: Path) -> tuple[Path, Identity]:
    try:
        raw = (path / "mountpath.json").read_bytes()
    except FileNotFoundError:
        raise MountpathError(
            f"{path} has no mountpath.json: it is new beside folders that are in use, or was never "
            "prepared; give the very folders that the store was made with"
        ) from None
    try:
        identity = msgspec.json.decode(raw, type=Identity)
    except msgspec.DecodeError as error:
        raise MountpathError(f"{path}/mountpath.json is damaged ({error}); restore it") from error
    if identity.version != FORMAT_VERSION:
        raise MountpathError(
            f"{path} has format version {identity.version}, this s3gw reads {FORMAT_VERSION}; "
            "install the release that wrote it"
        )
    return path, identity


def _check_set(found: dict[str, tuple[Path, Identity]], members: tuple[str, ...]) -> None:
    for path, identity in found.values():
        if identity.members != members or identity.uuid not in members:
            raise MountpathError(
                f"{path} belongs to another set of mountpaths; give only folders made together"
            )
    if missing := [uid for uid in members if uid not in found]:
        raise MountpathError(
            f"the store has {len(members)} mountpaths, {len(missing)} are missing "
            f"(uuid {', '.join(missing)}); mount them and name them all"
        )
