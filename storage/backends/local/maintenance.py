"""Maintenance of the indexes and blobs, by one process beside the workers.

It unlinks garbage, empties the trash of discarded buckets, forgets old completions, checkpoints the
WAL and shrinks the index. Each step is bounded. Blobs are unlinked before their garbage row is
deleted, so after a crash in between the next run only finds them gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from storage import failpoints
from storage.backends.local import index
from storage.backends.local.ballast import Ballast
from storage.backends.local.blob_hold import removing_blobs
from storage.backends.local.garbage import blob_of_garbage, decode_blobs
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.trash import empty_some
from storage.blobs.removing import unlink_unread
from storage.clock import NS_PER_S, Clock, PatientClock
from storage.errors import OutOfSpace

GARBAGE_BITE = 200
COMPLETED_BITE = 1000
COMPLETED_KEPT_NS = 7 * 24 * 3600 * NS_PER_S
# Free pages of the index are used again, so it keeps some: up to a quarter of itself, or 4 MiB.
SPARE_PAGES = 1024
SPARE_SHARE = 4
VACUUM_BITE = 512
LARGE_WAL_PAGES = 64 * 1024 * 1024 // 4096

_PATIENT_CLOCK = PatientClock()


class MaintenanceResult(Struct, frozen=True):
    """What one run did. `busy` entries of garbage are being read; `more` means that there is work
    left, and another run is worth while at once."""

    collected: int = 0
    unlinked: int = 0
    busy: int = 0
    forgotten: int = 0
    wal_pages: int = 0
    more: bool = False


class Maintainer:
    """One per set of mountpaths, in one process; for one thread at a time."""

    def __init__(
        self, paths: Sequence[Path], *, clock: Clock = _PATIENT_CLOCK, reserve_bytes: int = 0
    ) -> None:
        self._clock = clock
        self._reserve_bytes = reserve_bytes
        with index.translated():
            self._mountpaths = read_mountpaths(paths)
            self._connections = [index.connect(each.index) for each in self._mountpaths]
        self._by_uuid = {each.uuid: each for each in self._mountpaths}
        self._seen = [0] * len(self._mountpaths)

    def run_once(self) -> MaintenanceResult:
        """Raises `DeviceFailed`, `Corrupt` or `OutOfSpace`; the next run starts over."""
        done = MaintenanceResult()
        for number in range(len(self._mountpaths)):
            done = _sum(done, self._maintain_with_room(number))
        return done

    def _maintain_with_room(self, number: int) -> MaintenanceResult:
        """On a full disk too: what was deleted gives its room back in here."""
        while True:
            try:
                with index.translated():
                    return self._maintain(number)
            except OutOfSpace:
                if not Ballast(self._mountpaths[number].path).give_up():
                    raise

    def close(self) -> None:
        """Leaves no log, if it is the last to close."""
        for connection in self._connections:
            connection.close()

    def _maintain(self, number: int) -> MaintenanceResult:
        connection = self._connections[number]
        with suppress(OSError):  # another took the room meanwhile
            Ballast(self._mountpaths[number].path).allocate(self._reserve_bytes)
        collected = self._collect(number)
        emptying = empty_some(self._mountpaths, self._connections, number)
        before = self._clock.now_ns() - COMPLETED_KEPT_NS
        forgotten = _forget(connection, before)
        shrinking = _shrink(connection)
        pages = _checkpoint(connection, idle=not (collected.collected or emptying or shrinking))
        return _sum(
            collected,
            MaintenanceResult(
                forgotten=forgotten,
                wal_pages=pages,
                more=emptying or shrinking or forgotten == COMPLETED_BITE,
            ),
        )

    def _collect(self, number: int) -> MaintenanceResult:
        """What a backup may still want to copy waits until it has ended."""
        if self._connections[number].execute("SELECT 1 FROM garbage LIMIT 1").get is None:
            self._seen[number] = 0
            return MaintenanceResult()
        with removing_blobs(self._mountpaths[0]) as may_remove:
            return self._collect_some(number) if may_remove else MaintenanceResult()

    def _collect_some(self, number: int) -> MaintenanceResult:
        """Continue after the last entry, so that entries being read do not block the others."""
        connection, mountpath = self._connections[number], self._mountpaths[number]
        sql = "SELECT id, blobs FROM garbage WHERE id > ? ORDER BY id LIMIT ?"
        rows: Any = connection.execute(sql, (self._seen[number], GARBAGE_BITE)).fetchall()
        full = len(rows) == GARBAGE_BITE
        self._seen[number] = rows[-1][0] if full else 0
        entries = [(key, decode_blobs(blobs)) for key, blobs in rows]
        gone = [(key, blobs) for key, blobs in entries if self._unlink(mountpath, blobs)]
        _delete_rows(connection, [key for key, _ in gone])
        unlinked = sum(len(blobs) for _, blobs in gone)
        return MaintenanceResult(len(gone), unlinked, len(entries) - len(gone), more=full)

    def _unlink(self, own: Mountpath, names: Sequence[str]) -> bool:
        """All blobs of an entry are on one mountpath, but that may be another."""
        _, uuid = blob_of_garbage(names[0])
        blobs = [blob_of_garbage(name)[0] for name in names]
        return unlink_unread(self._by_uuid[uuid] if uuid else own, blobs)


def _delete_rows(connection: apsw.Connection, keys: Sequence[int]) -> None:
    if not keys:
        return
    failpoints.hit("gc_after_unlink")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("DELETE FROM garbage WHERE id = ?", [(key,) for key in keys])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _forget(connection: apsw.Connection, before_ns: int) -> int:
    sql = "SELECT upload FROM completed WHERE time < ? LIMIT ?"
    old: Any = connection.execute(sql, (before_ns, COMPLETED_BITE)).fetchall()
    if old:
        with connection:
            connection.executemany("DELETE FROM completed WHERE upload = ?", old)
    return len(old)


def _shrink(connection: apsw.Connection) -> bool:
    """Cut free pages off the end of the index; whether there are more than it should keep."""
    free, pages = connection.pragma("freelist_count"), connection.pragma("page_count")
    if free <= max(SPARE_PAGES, pages // SPARE_SHARE):
        return False
    connection.execute(f"PRAGMA incremental_vacuum({VACUUM_BITE})").fetchall()
    return True


def _checkpoint(connection: apsw.Connection, *, idle: bool) -> int:
    """Gives the pages in the WAL. TRUNCATE waits for readers and writers, so it is for a quiet
    moment, or for a WAL that must be cut. PASSIVE is busy too when it meets a commit at the very
    moment that it is published: the next run comes soon."""
    pages = 0
    with suppress(apsw.BusyError):
        pages, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if pages and pages == moved and (idle or pages > LARGE_WAL_PAGES):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return pages


def _sum(one: MaintenanceResult, other: MaintenanceResult) -> MaintenanceResult:
    return MaintenanceResult(
        one.collected + other.collected,
        one.unlinked + other.unlinked,
        one.busy + other.busy,
        one.forgotten + other.forgotten,
        max(one.wal_pages, other.wal_pages),
        one.more or other.more,
    )
