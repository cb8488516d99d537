"""Renames between mountpaths: two indexes change as if one.

No byte moves.

    1. leaving    the source's index notes that the object is about to leave. From here on no other
                  change of that name is accepted: it waits for the rename, or settles it
    2. arriving   the target's index takes the row and notes the id of the departure. With this
                  commit the object has its new name
    3. settling   the source's index gives up the row, and the note

The blobs stay where they are; the row says on what mountpath that is. A reader that finds the note
of step 1 looks into the other index for step 2, and sees the name as it was or as it will be. After
a crash any process can settle: what has arrived is given up, what has not stays.

One rename at a time crosses, under a file lock that ends with its holder. The lock's file has a
counter that is odd between steps 2 and 3. A listing reads several indexes; it has seen no half-done
rename if the counter was even and the same before and after it opened its snapshots.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import apsw
import msgspec
from msgspec import Struct

from storage import failpoints
from storage.backends.local import index
from storage.backends.local.change_counter import ChangeCounter
from storage.backends.local.departures import Departure, decode_departure
from storage.backends.local.mountpath import FileLock, Mountpath
from storage.backends.local.transaction import SqliteTransaction, drive, in_transaction
from storage.clock import Clock
from storage.errors import StorageError
from storage.index.changes import add_delete_marker, forget_label, relabelled
from storage.index.mutations import RenameObject
from storage.index.rows import Row
from storage.index.versions import Home, Stored, delete_marker
from storage.values import ObjectInfo


class Crossings:
    """What one process needs to rename between its mountpaths. For any thread."""

    def __init__(self, mountpaths: Sequence[Mountpath], clock: Clock) -> None:
        self._clock = clock
        self._mountpaths = tuple(mountpaths)
        self._count = ChangeCounter(mountpaths[0].renames_lock)
        self._connections: list[apsw.Connection] = []  # of the lock's holder

    def close(self) -> None:
        self._hang_up()
        self._count.close()

    def count(self) -> int:
        """Odd while an object may be found under both names or neither."""
        return self._count.read()

    def rename(self, source: int, target: int, rename: RenameObject) -> ObjectInfo:
        """Between the mountpaths of these numbers. Raises as a rename within one does."""
        with self.alone():
            here, there = self._connections[source], self._connections[target]
            target_index = SqliteTransaction(there, self._clock)
            if done := drive(_done_before(rename, target_index)):
                return done
            where = self._mountpaths[source].uuid, self._mountpaths[target].uuid
            moving = in_transaction(here, _Depart(rename, target_index, *where), self._clock)
            failpoints.hit("rename_after_leaving")
            try:
                self._count.begin()
                info = in_transaction(there, _Arrive(rename, moving), self._clock)
                failpoints.hit("rename_after_arriving")
                return info
            finally:
                self._finish()
                failpoints.hit("rename_after_settling")

    def settle(self) -> None:
        """End what others left half done, and wait for who is about it."""
        with self.alone():
            pass

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Exclude all other renames; nothing is half done meanwhile."""
        with FileLock(self._mountpaths[0].renames_lock):
            try:
                if not self._connections:
                    self._connections = [index.connect(each.index) for each in self._mountpaths]
                self._settle()
                yield
            except apsw.Error:
                self._hang_up()
                raise

    def _finish(self) -> None:
        """The outcome is known. If a disk fails now, the next user of the name settles it."""
        try:
            self._settle()
        except (apsw.Error, StorageError, OSError):
            self._hang_up()

    def _settle(self) -> None:
        _settle_all(self._mountpaths, self._connections)
        self._count.settle()

    def _hang_up(self) -> None:
        for connection in self._connections:
            with suppress(apsw.Error):
                connection.close()
        self._connections = []


@contextmanager
def settled(
    mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection]
) -> Iterator[None]:
    """For a caller with connections of its own: nothing is half done, and no rename begins."""
    with ExitStack() as stack:
        stack.enter_context(FileLock(mountpaths[0].renames_lock))
        _settle_all(mountpaths, connections)
        count = ChangeCounter(mountpaths[0].renames_lock)
        stack.callback(count.close)
        count.settle()
        yield


def _settle_all(mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection]) -> None:
    there = {
        mountpath.uuid: connection
        for mountpath, connection in zip(mountpaths, connections, strict=True)
    }
    for here in connections:
        for bucket, name, row in here.execute("SELECT bucket, name, row FROM leaving").fetchall():
            departure = decode_departure(bytes(row))  # type: ignore[arg-type]
            arrived = has_arrived(there[departure.mountpath], departure)
            in_transaction(here, _Settle(int(bucket), bytes(name), departure, arrived))  # type: ignore[arg-type]


def has_arrived(there: apsw.Connection, departure: Departure) -> bool:
    found = there.execute("SELECT 1 FROM arrived WHERE id = ?", (departure.id,)).get
    return found is not None


async def _done_before(rename: RenameObject, there: SqliteTransaction) -> ObjectInfo | None:
    return await rename.done_before(there, await there.hold(rename.bucket))


class _Moving(Struct, frozen=True):
    """What the source's index knows of the object, for the target's: `row` says where the blobs
    are."""

    departure: Departure
    row: Row
    payload: bytes | None


class _Depart(Struct, frozen=True):
    rename: RenameObject
    there: SqliteTransaction
    source: str
    target: str

    async def __call__(self, here: SqliteTransaction) -> _Moving:
        rename = self.rename
        home = await here.hold(rename.bucket)
        stored = await rename.look(here, self.there, home)
        await rename.require_leavable(here, home, stored)
        departure = self._departure(home, stored, here.now_ns())
        here.leave(home.key, rename.source.encode(), departure)
        return _Moving(departure, self._elsewhere(stored.row), await here.payload(stored))

    def _departure(self, home: Home, stored: Stored, now_ns: int) -> Departure:
        marker = delete_marker(home, now_ns) if home.ever_versioned else None
        unique = f"{now_ns:016x}{os.urandom(8).hex()}"
        return Departure(unique, self.target, home.versioning, stored.row.version, marker)

    def _elsewhere(self, row: Row) -> Row:
        """As the target has it: back where it was written, it has its blobs beside it again."""
        if row.own_blob() is None:
            return row
        blobs_at = row.mountpath or self.source
        return msgspec.structs.replace(row, mountpath="" if blobs_at == self.target else blobs_at)


class _Arrive(Struct, frozen=True):
    rename: RenameObject
    moving: _Moving

    async def __call__(self, there: SqliteTransaction) -> ObjectInfo:
        rename, moving = self.rename, self.moving
        home = await there.hold(rename.bucket)
        place = await rename.place(there, home)
        names = rename.source.encode(), rename.name.encode()
        row = await relabelled(there, home.key, names[0], moving.row, names[1])
        there.arrive(moving.departure)
        return await rename.land(there, home, row, moving.payload, place)


class _Settle(Struct, frozen=True):
    bucket: int
    name: bytes
    departure: Departure
    arrived: bool

    async def __call__(self, here: SqliteTransaction) -> None:
        """What remains under the old name was decided when the object began to leave."""
        here.stay(self.bucket, self.name)
        stored = await here.find(self.bucket, self.name)
        if not self.arrived or stored is None:
            return
        home = Home(self.bucket, self.departure.versioning)
        here.count(self.bucket, -1, -stored.row.size)
        if stored.row.label:
            await forget_label(here, self.bucket, stored.row)
        await here.remove(home, self.name, stored)
        if self.departure.marker is not None:
            await add_delete_marker(here, home, self.name, self.departure.marker)
        failpoints.hit("rename_inside_settling")
