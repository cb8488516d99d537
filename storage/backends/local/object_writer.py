"""Writing of objects: put, update, rename and delete.

Each change is one commit of the home disk's committer, except a rename to a name whose home is
another disk (`crossing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.backend import Change
from storage.backends.local.disk import Disk
from storage.backends.local.disks import Disks
from storage.blobs.threads import Threads, to_the_end
from storage.errors import StorageError
from storage.index.mutations import DeleteObjects, RenameObject, UpdateObject, check_absent
from storage.values import (
    NULL_VERSION,
    UPDATE_CURRENT,
    Body,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PutOptions,
    RenameOptions,
    UpdateOptions,
    Versioning,
)
from storage.writing.objects import ObjectBodies


class ObjectWriter:
    def __init__(self, disks: Disks, threads: Threads, bodies: ObjectBodies) -> None:
        self._disks = disks
        self._threads = threads
        self._bodies = bodies
        self._crossing = asyncio.Lock()  # so that those who wait hold no thread

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        home = self._disks.bucket(bucket)
        to = self._disks.home(home, name).destination
        return await self._bodies.put(to, home, name, body, options)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        home = self._disks.bucket(bucket)
        update = UpdateObject(home, name, change, options)
        return await self._disks.home(home, name).committer.run(update)

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        home = self._disks.bucket(bucket)
        here, there = self._disks.home(home, source), self._disks.home(home, name)
        rename = RenameObject(home, source, name, options)
        if here is there:
            return await here.committer.run(rename)
        return await to_the_end(self._cross(here, there, rename))

    async def _cross(self, here: Disk, there: Disk, rename: RenameObject) -> ObjectInfo:
        source, target = self._disks.number_of(here), self._disks.number_of(there)
        async with self._crossing:
            return await self._threads.run(self._disks.crossings.rename, source, target, rename)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, request.name)
        info, row = disk.look_up(disk.where(home), request.name, request.version)
        marks = request.version is None and info.versioning is not Versioning.NEVER
        if row is None and not marks:  # nothing to remove: that needs no commit
            check_absent(request.name, request.condition)
            return Deletion(existed=False, version=request.version or NULL_VERSION)
        delete = DeleteObjects(home, (request,))
        (outcome,) = await disk.committer.run(delete)
        if isinstance(outcome, StorageError):
            raise outcome
        return outcome

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        home = self._disks.bucket(bucket)
        places: dict[Disk, list[int]] = {}
        for position, request in enumerate(requests):
            places.setdefault(self._disks.home(home, request.name), []).append(position)
        outcomes: dict[int, Deletion | StorageError] = {}
        async with asyncio.TaskGroup() as group:
            for disk, positions in places.items():
                chosen = [requests[position] for position in positions]
                delete = DeleteObjects(home, chosen)
                group.create_task(_delete_on(disk, delete, positions, outcomes))
        return [outcomes[position] for position in range(len(requests))]


async def _delete_on(
    disk: Disk,
    delete: DeleteObjects,
    positions: Sequence[int],
    outcomes: dict[int, Deletion | StorageError],
) -> None:
    """The failure of a whole mountpath is the failure of each name on it."""
    results: Sequence[Deletion | StorageError]
    try:
        results = await disk.committer.run(delete)
    except StorageError as error:
        results = [error] * len(positions)
    outcomes.update(zip(positions, results, strict=True))
