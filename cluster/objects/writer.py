"""Writing of objects: each change is one transaction, and many deletions are a few."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.database.errors import DatabaseAway
from cluster.index.lookups import Lookups
from storage.backend import Change
from storage.blobs.batches import FoundObject
from storage.chunking import Chunking
from storage.errors import DatabaseUnavailable, StorageError
from storage.index.mutations import DeleteObjects, RenameObject, UpdateObject, check_absent
from storage.index.versions import Bucket
from storage.values import (
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
    Body,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PutOptions,
    ReadOptions,
    RenameOptions,
    UpdateOptions,
    Versioning,
)
from storage.writing.destination import Destination
from storage.writing.objects import ObjectBodies
from storage.writing.rechunking import Rewriter

# Names that one transaction holds: the server has room for some thousands of locks in all.
NAMES_HELD = 100


class ObjectWriter:
    def __init__(
        self,
        lookups: Lookups,
        to: Destination,
        bodies: ObjectBodies,
        rewriter: Rewriter,
    ) -> None:
        self._lookups = lookups
        self._to = to
        self._bodies = bodies
        self._rewriter = rewriter

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        home = await self._lookups.bucket(bucket)
        return await self._bodies.put(self._to, home, name, body, options)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        home = await self._lookups.bucket(bucket)
        return await self._to.commit(UpdateObject(home, name, change, options))

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        home = await self._lookups.bucket(bucket)
        return await self._to.commit(RenameObject(home, source, name, options))

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        home, row, payload = await self._lookups.open_in(bucket, name, options.version)
        found = FoundObject(self._to.place.folder, row, payload)
        return await self._rewriter.rechunk(self._to, home, name, found, chunks, options)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        home, row = await self._lookups.look_up(bucket, request.name, request.version)
        marks = request.version is None and home.info.versioning is not Versioning.NEVER
        if row is None and not marks:  # nothing to remove: that needs no transaction
            check_absent(request.name, request.condition)
            return Deletion(existed=False, version=request.version or NULL_VERSION)
        (outcome,) = await self._to.commit(DeleteObjects(home, (request,)))
        if isinstance(outcome, StorageError):
            raise outcome
        return outcome

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        home = await self._lookups.bucket(bucket)
        outcomes: list[Deletion | StorageError] = []
        for start in range(0, len(requests), NAMES_HELD):
            outcomes += await self._delete_some(home, requests[start : start + NAMES_HELD])
        return outcomes

    async def _delete_some(
        self, home: Bucket, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        """The failure of a transaction is the failure of each name in it."""
        try:
            return await self._to.commit(DeleteObjects(home, requests))
        except DatabaseAway as error:
            return [DatabaseUnavailable(str(error))] * len(requests)
        except StorageError as error:
            return [error] * len(requests)
