"""Writing of objects: put, update, rename and delete.

Small bodies go into the index (`Inline`), others into one blob (`Single`) or several (`Chunked`).
Each change is one commit of the home disk's committer, except a rename to a name whose home is
another disk (`crossing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.backend import Change
from storage.backends.local.disk import Disk
from storage.backends.local.disks import Disks
from storage.backends.local.threads import Threads, to_the_end
from storage.backends.local.writers import Writers
from storage.blobs.chunked_writing import Subject
from storage.blobs.labels import ObjectLabel
from storage.blobs.location import digest_of
from storage.blobs.writing import Blocks
from storage.chunking import Cutting
from storage.cipher import INLINE, FrameCipher, check_key
from storage.clock import Clock
from storage.errors import StorageError
from storage.index.mutations import (
    DeleteObjects,
    PutObject,
    RenameObject,
    UpdateObject,
    check_absent,
)
from storage.index.rows import Chunk, Empty, Inline, Location, Row, Single
from storage.index.versions import Bucket, new_version
from storage.values import (
    NULL_VERSION,
    UPDATE_CURRENT,
    Body,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PutOptions,
    RenameOptions,
    Sealed,
    UpdateOptions,
    Versioning,
)


class ObjectWriter:
    def __init__(
        self, disks: Disks, writers: Writers, threads: Threads, clock: Clock, inline_limit: int
    ) -> None:
        self._disks = disks
        self._writers = writers
        self._threads = threads
        self._clock = clock
        self._inline_limit = inline_limit
        self._crossing = asyncio.Lock()  # so that those who wait hold no thread

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        check_key(options.data_key, options.attributes)
        self._writers.require_room(disk, options.size or 0)
        cutting = options.chunks.cutting(options.size) if options.chunks else None
        blocks = Blocks(body, options.data_key, next(cutting.sizes) if cutting else None)
        first = await blocks.next()
        fits = len(first) <= self._inline_limit
        if fits and (cutting is None or len(first) < max(cutting.whole_below, 1)):
            return await self._put_inline(disk, home, name, first, options)

        def row(size: int, place: Location) -> Row:
            # A candidate, for the label to have it.
            version = new_version(home.info.versioning)
            return self._row(size, options.digest.seal(), options, place, version)

        subject = Subject(home, home.info.owner, name, row)
        if cutting is not None:
            return await self._put_chunked(disk, subject, first, blocks, options, cutting)

        def label(chunk: Chunk) -> ObjectLabel:
            made = row(blocks.size_in(chunk), Single(chunk))
            return ObjectLabel(home.label, home.info.owner, name, made)

        async with self._writers.blob(disk, self._writers.work_file(disk)) as writer:
            stored = (await writer.store(first, blocks, options.digest, label)).row
            made = await stored.agreed(options.before_commit)
            put = PutObject(home, name, made, None, options.condition)
            return await disk.committer.run(put, writer.hand_over())

    async def _put_chunked(
        self,
        disk: Disk,
        subject: Subject,
        first: bytes,
        blocks: Blocks,
        options: PutOptions,
        cutting: Cutting,
    ) -> ObjectInfo:
        async with self._writers.chunked(disk) as writer:
            row, payload = await writer.write(first, blocks, options.digest, subject, cutting)
            row = await row.agreed(options.before_commit)
            put = PutObject(subject.bucket, subject.name, row, payload, options.condition)
            return await disk.committer.run(put, writer.hand_over())

    async def _put_inline(
        self, disk: Disk, home: Bucket, name: str, content: bytes, options: PutOptions
    ) -> ObjectInfo:
        options.digest.update(content)
        size = len(content)
        if content and options.data_key is not None:
            content = FrameCipher(options.data_key, INLINE).seal(content, 0, last=True)
        location = Inline(digest_of(content)) if content else Empty()
        row = self._row(size, options.digest.seal(), options, location)
        row = await row.agreed(options.before_commit)
        put = PutObject(home, name, row, content or None, options.condition)
        return await disk.committer.run(put)

    def _row(
        self,
        size: int,
        sealed: Sealed,
        options: PutOptions,
        location: Location,
        version: str = NULL_VERSION,
    ) -> Row:
        return Row(
            size,
            sealed.etag,
            self._clock.now_ns() if options.modified_ns is None else options.modified_ns,
            options.attributes,
            location,
            sealed.checksum,
            version=version,
        )

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
