"""Mutations of objects: coroutines over a transaction, for any engine.

What a mutation raises it raises before it writes, so that others in its transaction are not harmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from msgspec import Struct

from storage.conditions import check_write
from storage.errors import ObjectChanged, ObjectNotFound, PreconditionFailed, StorageError
from storage.index.changes import (
    leave,
    place_of,
    put,
    relabelled,
    release,
)
from storage.index.rows import Row
from storage.index.transaction import Payload, Place, Transaction
from storage.index.versions import (
    Bucket,
    Home,
    Stored,
    counted,
    delete_marker,
    info_of,
    missing,
    readable,
    require_removable,
    versioned,
)
from storage.values import (
    ALWAYS,
    NULL_VERSION,
    Attributes,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    RenameOptions,
    Still,
    UpdateOptions,
)


class PutObject(Struct, frozen=True):
    """Make the row the current version of that name; `payload` has its bytes or its manifest."""

    bucket: Bucket
    name: str
    row: Row
    payload: bytes | None
    condition: Condition

    async def __call__(self, transaction: Transaction) -> ObjectInfo:
        name = self.name.encode()
        home = await transaction.hold(self.bucket, name)
        place = await place_of(transaction, home, name)
        check_write(self.condition, self.name, info_of(place.current, self.name))
        require_removable(place.replaced, self.name, transaction.now_ns)
        row = counted(versioned(self.row, home), place.current)
        await put(transaction, home, name, row, self.payload, place)
        return row.info(self.name)


class RechunkObject(Struct, frozen=True):
    """The bytes of the version `old` are where `new` says, if they are still those of `old`; what
    was said of it meanwhile stays. Payloads go with their rows."""

    bucket: Bucket
    name: str
    old: Row
    old_payload: bytes | None
    new: Row
    new_payload: bytes | None

    async def __call__(self, transaction: Transaction) -> None:
        name = self.name.encode()
        bucket = (await transaction.hold(self.bucket, name)).key
        stored = await transaction.find(bucket, name, self.old.version)
        if stored is None or not await self._is_same(transaction, stored):
            raise ObjectChanged(self.name)
        where = {"location": self.new.location, "label": "", "mountpath": ""}
        row = msgspec.structs.replace(stored.row, **where)
        await release(transaction, bucket, stored)
        await transaction.replace_bytes(bucket, name, stored, row, self.new_payload)
        transaction.count(bucket, 1, row.size)

    async def _is_same(self, transaction: Transaction, stored: Stored) -> bool:
        """Blobs are immutable; bytes in the index have no name to know them by."""
        if stored.row.delete_marker or stored.row.location != self.old.location:
            return False
        same_key = stored.row.attributes.encryption == self.old.attributes.encryption
        return same_key and await transaction.payload(stored) == self.old_payload


class UpdateObject(Struct, frozen=True):
    """Other attributes on the same bytes; a touch renews the modification time."""

    bucket: Bucket
    name: str
    change: Callable[[Attributes], Attributes]
    options: UpdateOptions

    async def __call__(self, transaction: Transaction) -> ObjectInfo:
        name, version = self.name.encode(), self.options.version
        bucket = (await transaction.hold(self.bucket, name)).key
        old = await transaction.find(bucket, name, version)
        if old is None:
            raise missing(self.name, version)
        row = readable(old.row, self.name, version)
        check_write(self.options.condition, self.name, row.info(self.name))
        changed = msgspec.structs.replace(
            row,
            attributes=self.change(row.attributes),
            modified_ns=transaction.now_ns() if self.options.touch else row.modified_ns,
        )
        await transaction.replace_row(bucket, name, old, changed)
        return changed.info(self.name)


class RenameObject(Struct, frozen=True):
    """The current version of `source` becomes that of `name`, with its bytes as they are. Its steps
    are for an engine with several indexes, where the names may be in two of them."""

    bucket: Bucket
    source: str
    name: str
    options: RenameOptions

    async def __call__(self, transaction: Transaction) -> ObjectInfo:
        source, name = self.source.encode(), self.name.encode()
        home = await transaction.hold(self.bucket, source, name)
        if done := await self.done_before(transaction, home):
            return done
        stored = await self.look(transaction, transaction, home)
        if source == name:
            return stored.row.info(self.name)
        await self.require_leavable(transaction, home, stored)
        place = await self.place(transaction, home)
        payload = await leave(transaction, home, source, stored)
        row = await relabelled(transaction, home.key, source, stored.row, name)
        return await self.land(transaction, home, row, payload, place)

    async def done_before(self, there: Transaction, home: Home) -> ObjectInfo | None:
        """The answer to the first one, if this is a repetition."""
        if not self.options.token:
            return None
        done = await there.completed(home.key, self.name.encode(), self._token(home.key))
        return None if done is None else done.info(self.name)

    async def look(self, here: Transaction, there: Transaction, home: Home) -> Stored:
        """What is to be renamed. Raises `ObjectNotFound`, `PreconditionFailed`."""
        stored = await here.find(home.key, self.source.encode())
        if stored is None:
            raise ObjectNotFound(self.source)
        info = readable(stored.row, self.source, None).info(self.source)
        check_write(self.options.source_condition, self.source, info)
        self._check_target(await there.find(home.key, self.name.encode()))
        return stored

    def _check_target(self, current: Stored | None) -> None:
        check_write(self.options.condition, self.name, info_of(current, self.name))

    async def require_leavable(self, here: Transaction, home: Home, stored: Stored) -> None:
        """Raises `ObjectLocked`."""
        require_removable(stored, self.source, here.now_ns)
        place = await place_of(here, home, self.source.encode())
        require_removable(place.replaced, self.source, here.now_ns)

    async def place(self, there: Transaction, home: Home) -> Place:
        """The place under the new name. Raises `PreconditionFailed`, `ObjectLocked`."""
        place = await place_of(there, home, self.name.encode())
        self._check_target(place.current)
        require_removable(place.replaced, self.name, there.now_ns)
        return place

    async def land(
        self, there: Transaction, home: Home, row: Row, payload: Payload, place: Place
    ) -> ObjectInfo:
        """Under its new name, an object is a new version."""
        name = self.name.encode()
        new = versioned(msgspec.structs.replace(row, version=NULL_VERSION), home)
        await put(there, home, name, new, payload, place)
        if self.options.token:
            token = self._token(home.key)
            await there.add_completed(home.key, name, token, new, there.now_ns())
        return new.info(self.name)

    def _token(self, bucket: int) -> str:
        return f"rename {bucket} {self.options.token} {self.source}"


class DeleteObjects(Struct, frozen=True):
    """Several deletions in one go, each with its own outcome: what it did, or an error."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket
    requests: Sequence[DeleteRequest]

    async def __call__(self, transaction: Transaction) -> list[Deletion | StorageError]:
        wanted = [(request.name.encode(), request.version) for request in self.requests]
        home = await transaction.hold(self.bucket, *[name for name, _ in wanted])
        outcomes: list[Deletion | StorageError] = []
        for run in _of_distinct_names(wanted):
            found = await transaction.find_all(home.key, wanted[run])
            for request, stored in zip(self.requests[run], found, strict=True):
                outcomes.append(await _delete(transaction, home, request, stored))
        return outcomes


def _of_distinct_names(wanted: Sequence[tuple[bytes, str | None]]) -> list[slice]:
    """Return the runs of requests whose names differ: what is found for one of them holds until its
    turn."""
    runs: list[slice] = []
    seen: set[bytes] = set()
    first = 0
    for at, (name, _) in enumerate(wanted):
        if name in seen:
            runs.append(slice(first, at))
            first, seen = at, set()
        seen.add(name)
    return [*runs, slice(first, len(wanted))]


async def _delete(
    transaction: Transaction, home: Home, request: DeleteRequest, found: Stored | None
) -> Deletion | StorageError:
    try:
        info = info_of(found, request.name)
        if info is None:
            check_absent(request.name, request.condition)
        else:
            check_write(request.condition, request.name, info)
        if request.version is None and home.ever_versioned:
            return await _mark_deleted(transaction, home, request.name, found)
        return await _remove(transaction, home, request, found)
    except StorageError as error:
        return error


async def _mark_deleted(
    transaction: Transaction, home: Home, name: str, current: Stored | None
) -> Deletion:
    existed = current is not None and not current.row.delete_marker
    place = await place_of(transaction, home, name.encode())
    require_removable(place.replaced, name, transaction.now_ns)
    marker = delete_marker(home, transaction.now_ns())
    await put(transaction, home, name.encode(), marker, None, place)
    return Deletion(existed, marker.version, delete_marker=True)


async def _remove(
    transaction: Transaction, home: Home, request: DeleteRequest, found: Stored | None
) -> Deletion:
    version, name = request.version or NULL_VERSION, request.name.encode()
    if found is not None and found.row.version != version:
        found = await transaction.find(home.key, name, version)
    if found is None:
        return Deletion(existed=False, version=version)
    if request.still is not None:
        await _require_still(transaction, home, request.still, name, found)
    bypass = request.bypass_governance
    require_removable(found, request.name, transaction.now_ns, bypass_governance=bypass)
    await release(transaction, home.key, found)
    await transaction.remove(home, name, found)
    return Deletion(True, version, found.row.delete_marker)


async def _require_still(
    transaction: Transaction, home: Home, still: Still, name: bytes, found: Stored
) -> None:
    """Raises `PreconditionFailed`."""
    newest = await transaction.find(home.key, name)
    holds = (newest is not None and newest.row.version == found.row.version) == (
        still is Still.LONE_MARKER
    )
    if still is Still.LONE_MARKER:
        lone = await transaction.count_versions(home.key, name) == 1
        holds = holds and lone and found.row.delete_marker
    if not holds:
        raise PreconditionFailed(still.name)


def check_absent(name: str, condition: Condition) -> None:
    """Deleting nothing is fine, unless the caller wanted to delete something in particular."""
    if condition != ALWAYS:
        raise ObjectNotFound(name)
