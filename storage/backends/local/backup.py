"""Backup of all mountpaths as they are at one moment, beside a running server.

    1. hold     from here on no blob is removed (`blob_hold`)
    2. moment   a read transaction in every database, all begun while no one could commit to any:
                what was acknowledged before is in the backup, what was begun after is not
    3. copy     the databases; then the server's logs can be written back again
    4. blobs    those that the copied indexes name: they are there, since removal waits
    5. name     when all of it is on the disk

A backup that was killed leaves a folder that the next one uses and removes. The result is a set of
data folders with the identities of the originals, as they would be if the server had been killed at
that moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct, field
from msgspec.structs import replace

from storage.backends.local import index
from storage.backends.local.acknowledged import is_anothers, lost_commits
from storage.backends.local.backup_blobs import BlobCopier, EarlierFolder
from storage.backends.local.backup_folder import BackupFolder, Earlier, backup_folder
from storage.backends.local.blob_hold import blobs_held
from storage.backends.local.bucket_names import names_by_label, write_names
from storage.backends.local.crossing import settled
from storage.backends.local.mountpath import (
    Mountpath,
    copy_identity,
    read_mountpaths,
)
from storage.backends.local.recovery import checked_if_stopped
from storage.backends.local.scrub import Damage, RateLimit
from storage.backends.local.walk import Found, objects_of, parts_of, versions_of
from storage.blobs.location import is_right
from storage.clock import Clock, SystemClock
from storage.index.rows import Chunk, Chunked, Inline
from storage.sqlite.connection import connect
from storage.sqlite.noting import has_note, note_of
from storage.sqlite.snapshots import (
    Lacks,
    at_one_moment,
    copy_database,
    require_sound,
    was_there,
)
from storage.startup_errors import MountpathError

# The store makes them again, or they say where a process is.
_LEFT_OUT = (
    ".db", ".db-wal", ".db-shm", ".db-noted", ".db-shape", ".lock", ".log", ".new",
)  # fmt: skip
_LEFT_OUT_NAMES = {"lock", "ballast", "mountpath.json", "buckets.json", "lifecycle.json"}
_SYSTEM_CLOCK = SystemClock()


class BackedUp(Struct, frozen=True):
    """What was done so far. `objects` counts versions that have bytes and parts of uploads, `bytes`
    theirs, of `total_bytes`. A blob was either copied now, or linked from an earlier backup."""

    folders: tuple[Path, ...] = ()
    objects: int = 0
    bytes: int = 0
    total_bytes: int = 0
    copied_blobs: int = 0
    copied_bytes: int = 0
    linked_blobs: int = 0
    damage: tuple[Damage, ...] = ()


class BackupOptions(Struct, frozen=True, kw_only=True):
    """`beside`: databases in the first folder that belong to the moment, and what their copies may
    not lack. `verify` reads blobs of earlier backups before they are used again. `progress` is
    called after each object and may raise to stop."""

    beside: Mapping[str, Lacks] = field(default_factory=dict)
    rate_bytes_s: float | None = None
    verify: bool = False
    progress: Callable[[BackedUp], None] = lambda _: None
    clock: Clock = _SYSTEM_CLOCK


def back_up(paths: Sequence[Path], target: Path, options: BackupOptions) -> BackedUp:
    """Blocks its thread. Raises `MountpathError`, `BackupRefused`, `Corrupt` where a database is
    damaged, `OutOfSpace`, `DeviceFailed`."""
    with index.translated():
        mountpaths = read_mountpaths(paths)
        with backup_folder(target, mountpaths) as folder, blobs_held(mountpaths[0]):
            earlier = folder.earlier()
            unfinished, pairs = _copy_databases(mountpaths, folder, options)
            write_names([copy for _, copy in pairs], _names(pairs[0][1]))
            for mountpath, copy in pairs:
                _copy_other_files(mountpath.path, copy.path)
            rate = RateLimit(options.rate_bytes_s)
            copiers = [
                BlobCopier(*pair, _in_earlier(pair, earlier, verify=options.verify), rate)
                for pair in pairs
            ]
            done = _copy_blobs(copiers, options.progress)
            for _, copy in pairs:
                _remove_logs(copy.path)
            finished = folder.finish(unfinished)
    return replace(done, folders=tuple(finished / copy.path.name for _, copy in pairs))


# A mountpath and its copy.
_Pair = tuple[Mountpath, Mountpath]


def _copy_databases(
    mountpaths: Sequence[Mountpath], folder: BackupFolder, options: BackupOptions
) -> tuple[Path, list[_Pair]]:
    """Make the folder of the backup, with the databases of one moment."""
    databases = _databases(mountpaths, options.beside)
    # The notes of what was acknowledged before the moment.
    notes = [_note(database) for _, database in databases]
    with _moment(mountpaths, [database for _, database in databases]) as snapshots:
        unfinished = folder.begin(options.clock.now_ns())
        copies = [
            copy_identity(mountpath, unfinished / str(number))
            for number, mountpath in enumerate(mountpaths, 1)
        ]
        for (number, database), snapshot in zip(databases, snapshots, strict=True):
            copy_database(snapshot, database, copies[number].path / database.name)
    for (number, database), note in zip(databases, notes, strict=True):
        copy = copies[number].path / database.name
        if note:
            note_of(copy).write_bytes(note)
        lacks = options.beside.get(database.name, partial(_index_lacks, copies[number]))
        require_sound(database, copy, lacks)
        copy.chmod(0o600)
    return unfinished, list(zip(mountpaths, copies, strict=True))


def _databases(
    mountpaths: Sequence[Mountpath], beside: Mapping[str, Lacks]
) -> list[tuple[int, Path]]:
    """All of them, each with the number of its mountpath."""
    for mountpath in mountpaths:
        if not was_there(mountpath.index):
            raise MountpathError(
                f"{mountpath.path} has no index.db: no server has used it yet, or the file is lost"
            )
    indexes = [(number, mountpath.index) for number, mountpath in enumerate(mountpaths)]
    others = [(0, mountpaths[0].path / name) for name in beside]
    return [*indexes, *(other for other in others if was_there(other[1]))]


def _note(database: Path) -> bytes:
    """Empty without one that can be read."""
    return note_of(database).read_bytes() if has_note(database) else b""


@contextmanager
def _moment(
    mountpaths: Sequence[Mountpath], databases: Sequence[Path]
) -> Iterator[Sequence[apsw.Connection]]:
    """Snapshots in which no object is on its way from one mountpath to another."""
    with ExitStack() as stack:
        with ExitStack() as before:
            before.enter_context(checked_if_stopped(mountpaths, databases))
            connections = [
                before.enter_context(closing(connect(each.index, keep_log=True)))
                for each in mountpaths
            ]
            before.enter_context(settled(mountpaths, connections))
            snapshots = stack.enter_context(at_one_moment(databases))
        yield snapshots


def _index_lacks(mountpath: Mountpath, _: Path, connection: apsw.Connection) -> str:
    if is_anothers(mountpath, connection):
        return "it is the index of another data folder"
    if lost := lost_commits(mountpath, connection):
        return f"it lacks the last {lost} commits that were acknowledged"
    return ""


def _names(first: Mountpath) -> dict[str, str]:
    with closing(connect(first.index)) as connection:
        return names_by_label(connection)


def _copy_other_files(folder: Path, copy: Path) -> None:
    """Keys, for the most part. They are read after the moment: a key ring keeps its old keys."""
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False) and not _is_left_out(entry.name):
            descriptor = os.open(copy / entry.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(Path(entry.path).read_bytes())


def _remove_logs(copy: Path) -> None:
    """Of databases that were closed, and so have written them back."""
    for log in (*copy.glob("*.db-wal"), *copy.glob("*.db-shm")):
        log.unlink()


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT_NAMES or name.endswith(_LEFT_OUT)


def _in_earlier(pair: _Pair, earlier: Sequence[Earlier], *, verify: bool) -> list[EarlierFolder]:
    mountpath, copy = pair
    return [
        EarlierFolder(
            replace(mountpath, path=each.path / copy.path.name),
            is_trusted=not (each.unfinished or verify),
        )
        for each in earlier
    ]


def _copy_blobs(copiers: Sequence[BlobCopier], progress: Callable[[BackedUp], None]) -> BackedUp:
    """Those that the copied indexes name."""
    by_uuid = {copier.source.uuid: copier for copier in copiers}
    done = BackedUp(total_bytes=sum(_stored_bytes(copier.copy) for copier in copiers))
    for own in copiers:
        with closing(connect(own.copy.index)) as connection:
            for item in _items(connection):
                copier = by_uuid[item.mountpath] if item.mountpath else own
                damage = (*done.damage, *_take(copier, item))
                done = replace(
                    done,
                    objects=done.objects + 1,
                    bytes=done.bytes + item.size,
                    copied_blobs=sum(each.copied for each in copiers),
                    copied_bytes=sum(each.copied_bytes for each in copiers),
                    linked_blobs=sum(each.linked for each in copiers),
                    damage=damage,
                )
                progress(done)
    return done


class _Item(Struct, frozen=True):
    """A version or part; `mountpath` is the uuid of the one with its blobs, if that is not the
    index' own, and `problem` what is wrong with its bytes in the index."""

    bucket: str
    name: str
    size: int
    chunks: tuple[Chunk, ...]
    mountpath: str = ""
    problem: str = ""


def _items(connection: apsw.Connection) -> Iterator[_Item]:
    for found in chain(objects_of(connection), versions_of(connection)):
        if not found.row.delete_marker:
            yield _item(found)
    for upload, part in parts_of(connection):
        name = f"part {part.info.number} of upload {upload}"
        yield _Item("", name, part.info.size, (part.chunk,) if part.chunk else ())


def _item(found: Found) -> _Item:
    row, problem = found.row, ""
    if isinstance(row.location, Inline | Chunked) and found.payload is None:
        problem = "the index lacks its bytes"
    elif not is_right(row, found.payload):
        problem = "its bytes in the index are not what was stored"
    sidecar = found.sidecar()
    chunks = (*found.chunks(), *([Chunk(sidecar, 0, b"")] if sidecar else []))
    return _Item(found.bucket, found.name, row.size, chunks, row.mountpath, problem)


def _take(copier: BlobCopier, item: _Item) -> Iterator[Damage]:
    where = copier.source.path, item.bucket, item.name
    if item.problem:
        yield Damage(*where, "", item.problem)
    for chunk in item.chunks:
        if problem := copier.take(chunk):
            yield Damage(*where, chunk.blob, problem)


def _stored_bytes(mountpath: Mountpath) -> int:
    with closing(connect(mountpath.index)) as connection:
        total: Any = connection.execute("SELECT ifnull(sum(bytes), 0) FROM usage").get
    return int(total)
