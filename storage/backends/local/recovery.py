"""Preparation of mountpaths, and recovery after a process has died.

Each file left in `work` names the one blob to look at: if no row refers to it, its writer was never
acknowledged. So recovery takes as long as what was in flight, however large the store. While a
backup runs, such files stay for the next recovery: of an object that was removed since, the backup
may need the blob.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from storage.backends.local import index
from storage.backends.local.acknowledged import is_counted, require_acknowledged
from storage.backends.local.ballast import Ballast
from storage.backends.local.blob_hold import removing_blobs
from storage.backends.local.bucket_names import bucket_with_label, names_by_label, write_names
from storage.backends.local.buckets import reconcile
from storage.backends.local.change_counter import ChangeCounter
from storage.backends.local.crossing import settled
from storage.backends.local.mountpath import (
    FileLock,
    FolderLocks,
    Mountpath,
    format_folders,
    lock_folders,
    mark_ready,
    read_mountpaths,
)
from storage.backends.local.options import Durability
from storage.blobs.blob import read_footer
from storage.blobs.labels import Label, PartLabel
from storage.errors import Corrupt, OutOfSpace
from storage.index.rows import Chunked, Row, decode_manifest, decode_part, decode_row
from storage.sqlite.noting import has_note
from storage.sqlite.opening import require_whole
from storage.startup_errors import MountpathError


def prepare(paths: Sequence[Path], *, durability: Durability = Durability.SYNC) -> FolderLocks:
    """Make or check the mountpaths, lock them and recover; keep what it returns until the end.

    Called once, by the supervisor, before any worker. Raises `MountpathError`, and `Corrupt` for an
    index that only a rebuild brings back.
    """
    with index.translated():
        for path in paths:
            # Only the user who runs the server has to read what is in it.
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        locks = lock_folders(paths)
        try:
            format_folders(paths)
            _recover_on_full_disks(paths, synced=durability is Durability.SYNC)
        except BaseException:
            locks.close()
            raise
        return locks


@contextmanager
def checked_if_stopped(
    mountpaths: Sequence[Mountpath], databases: Sequence[Path]
) -> Iterator[None]:
    """For a process that may run beside a server. Without one, it is the first to open the
    databases, and SQLite would pass over what a damaged log has, and cut it off. Raises
    `Corrupt`."""
    try:
        locks = lock_folders([mountpath.path for mountpath in mountpaths])
    except MountpathError:
        yield
        return
    with locks:
        for database in databases:
            require_whole(database, counted=has_note(database))
        yield


def _recover_on_full_disks(paths: Sequence[Path], *, synced: bool) -> None:
    """The ballast makes the room that a start needs."""
    while True:
        try:
            with index.translated():
                return _recover(read_mountpaths(paths), synced=synced)
        except OutOfSpace:
            if not give_up_ballast(paths):
                raise


def give_up_ballast(paths: Sequence[Path]) -> bool:
    """Whether there is more room on a disk that was full."""
    given = [Ballast(path).give_up() for path in paths]
    return any(given)


def recover_slot(paths: Sequence[Path], slot: str) -> None:
    """Clean up after the worker of that slot died and before it is started again."""
    with index.translated():
        mountpaths = read_mountpaths(paths)
        with ExitStack() as stack:
            connections = [_open(stack, mountpath) for mountpath in mountpaths]
            with settled(mountpaths, connections), removing_blobs(mountpaths[0]) as may_remove:
                for mountpath in mountpaths if may_remove else ():
                    _recover_folder(mountpath, connections, mountpath.work / slot)
            _mend_buckets(mountpaths, connections)


def _recover(mountpaths: Sequence[Mountpath], *, synced: bool) -> None:
    with ExitStack() as stack:
        for mountpath in mountpaths:
            if mountpath.ready and not mountpath.index.exists():
                raise MountpathError(
                    f"{mountpath.path} has lost its index.db; restore it, or rebuild it with fsck"
                )
            require_whole(mountpath.index, synced=synced, counted=is_counted(mountpath))
            index.create(mountpath.index, partial(require_acknowledged, mountpath))
        mark_ready(mountpaths)
        connections = [_open(stack, mountpath) for mountpath in mountpaths]
        with settled(mountpaths, connections), removing_blobs(mountpaths[0]) as may_remove:
            for mountpath in mountpaths if may_remove else ():
                for folder in sorted(mountpath.work.iterdir()):
                    _recover_folder(mountpath, connections, folder)
        _mend_buckets(mountpaths, connections)


def _open(stack: ExitStack, mountpath: Mountpath) -> apsw.Connection:
    connection = index.connect(mountpath.index)
    stack.callback(connection.close)
    return connection


def _mend_buckets(mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection]) -> None:
    first = mountpaths[0]
    with FileLock(first.buckets_lock), closing(ChangeCounter(first.buckets_lock)) as count:
        reconcile(connections)
        write_names(mountpaths, names_by_label(connections[0]))
        count.settle()


def _recover_folder(
    mountpath: Mountpath, connections: Sequence[apsw.Connection], folder: Path
) -> None:
    with suppress(FileNotFoundError):
        for work in sorted(folder.iterdir()):
            _recover_file(mountpath, connections, work)


def _recover_file(mountpath: Mountpath, connections: Sequence[apsw.Connection], work: Path) -> None:
    """The work file is removed last: a crash in between is recovered again."""
    if not _in_use(connections, work):
        with suppress(FileNotFoundError):
            os.unlink(mountpath.blob(work.name))
    os.unlink(work)


def _in_use(connections: Sequence[apsw.Connection], work: Path) -> bool:
    """By an object on any mountpath: it may have been renamed to another."""
    try:
        label = read_footer(work).label
    except Corrupt:
        return False  # it was never finished, and so never linked
    return any(_refers(connection, label, work.name) for connection in connections)


def _refers(connection: apsw.Connection, label: Label, blob: str) -> bool:
    connection.execute("BEGIN")  # one snapshot: a part may become an object's meanwhile
    try:
        return refers(connection, label, blob)
    finally:
        connection.execute("COMMIT")


def refers(connection: apsw.Connection, label: Label, blob: str) -> bool:
    """Whether the index knows the blob as what its label says."""
    if isinstance(label, PartLabel):
        number = label.part.info.number
        return _is_part(connection, label.upload, number, blob) or _is_in_object(
            connection, label.bucket, label.name, blob
        )
    versions = _versions(connection, label.bucket, label.name)
    return any(row.own_blob() == blob for row, _ in versions)


def _versions(
    connection: apsw.Connection, bucket: str, name: str
) -> Iterator[tuple[Row, bytes | None]]:
    """All versions that were written under that name, with their payloads."""
    key = bucket_with_label(connection, bucket)
    if key is None:
        return
    for place in (name, *_new_names(connection, key, name)):
        for table in ("objects", "versions"):
            sql = f"""SELECT o.row, p.data FROM {table} o
            LEFT JOIN payloads p ON p.id = o.payload WHERE o.bucket = ? AND o.name = ?"""
            rows: Any = connection.execute(sql, (key, place.encode()))
            for encoded, payload in rows:
                row = decode_row(encoded)
                if (row.label or place) == name:
                    yield row, payload


def _new_names(connection: apsw.Connection, bucket: int, label: str) -> list[str]:
    """Where objects are that were renamed since their blobs were labelled."""
    sql = "SELECT DISTINCT name FROM renamed WHERE bucket = ? AND label = ?"
    rows: Any = connection.execute(sql, (bucket, label.encode())).fetchall()
    return [name.decode() for (name,) in rows]


def _is_part(connection: apsw.Connection, upload: str, number: int, blob: str) -> bool:
    sql = "SELECT row FROM parts WHERE upload = ? AND number = ?"
    found: Any = connection.execute(sql, (upload, number)).get
    chunk = None if found is None else decode_part(found).chunk
    return chunk is not None and chunk.blob == blob


def _is_in_object(connection: apsw.Connection, bucket: str, name: str, blob: str) -> bool:
    return any(
        isinstance(row.location, Chunked)
        and payload is not None
        and blob in decode_manifest(payload).blobs()
        for row, payload in _versions(connection, bucket, name)
    )
