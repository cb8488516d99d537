"""Writing, changing and deleting objects.

Nobody sees half an object. Its bytes go to a file beside it with a hidden name, which gets the
attributes, and then in one step the name of the object: RENAME with the option OVERWRITE, or
NONE for an object that must be new. What fails or is cancelled before is deleted.

HttpFS does not know that option. There the old file is moved aside first, the new one takes its
name, and the old one is deleted: for a moment a reader finds no object, and a server that dies in
that moment leaves both under hidden names.

Other conditions are checked before the first byte and again just before the renaming. A deletion,
or a write that failed, also deletes the folders above that are empty then: S3 has no folders, and a
folder would be in the way of an object of its name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from storage.backend import Change
from storage.backends.deleting import Outcome, delete_in_turns
from storage.backends.hdfs.facts import (
    NOTHING_KEPT,
    FileStatus,
    check_attributes,
    info_of,
    kept_of,
)
from storage.backends.hdfs.files import Files
from storage.backends.hdfs.foreign_errors import AlreadyThere, NotEmpty
from storage.backends.hdfs.place import (
    PROVIDER,
    Place,
    check_writable,
    place_of,
)
from storage.backends.hdfs.reading import ObjectReader
from storage.backends.hdfs.service import Request, Service
from storage.conditions import check_write
from storage.errors import (
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
)
from storage.values import (
    ALWAYS,
    UPDATE_CURRENT,
    Body,
    BodyDigest,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PutOptions,
    Sealed,
    UpdateOptions,
)

_NS_PER_MS = 1_000_000
_NEW = Condition(if_none_match=("*",))


class ObjectWriter:
    def __init__(self, service: Service, files: Files, reader: ObjectReader) -> None:
        self._service = service
        self._files = files
        self._reader = reader

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        if options.chunks is not None:
            raise NotSupported("chunks", PROVIDER)
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        place = self._place(bucket, name)
        check_writable(place)
        check_attributes(place, options.attributes)
        source = _Source(body, options.digest)
        # What is wrong with the body from the beginning leaves no trace.
        await source.begin()
        await self._require_room(place, options.condition)
        async with self._unfinished(place, source) as unfinished:
            status = await self._send(unfinished, source)
            sealed = source.sealed
            kept = kept_of(options.attributes, sealed.checksum, status.etag)
            if kept != NOTHING_KEPT:
                await self._files.keep(unfinished, kept)
            if options.condition not in (ALWAYS, _NEW):
                await self._check(place, options.condition)
            await self._name(unfinished, place, status, is_new=options.condition == _NEW)
        return info_of(name, status, kept)

    @asynccontextmanager
    async def _unfinished(self, place: Place, source: _Source) -> AsyncIterator[Place]:
        """A place for a file that is deleted unless the block ends well, and raises what the body
        raised."""
        unfinished = place.unfinished()
        try:
            yield unfinished
        except BaseException as error:
            # A cancelled request must not leave anything either.
            await asyncio.shield(self._give_up(unfinished))
            if source.error is not None and isinstance(error, StorageError):
                raise source.error from None
            raise

    async def _give_up(self, unfinished: Place) -> None:
        """Delete what was begun. A datanode that lost its client may create the file only now, so
        one that is not there is looked for again."""
        try:
            async with asyncio.timeout(self._service.options.read_timeout_s):
                if not await self._files.delete(unfinished):
                    await asyncio.sleep(self._service.options.pause_s)
                    await self._files.delete(unfinished)
                await self._files.delete_empty_folders(unfinished)
        except (BackendError, NotSupported, TimeoutError):
            # It has a hidden name; the failure that led here is what matters.
            return

    async def _send(self, unfinished: Place, source: _Source) -> FileStatus:
        """Write the body to the file. Raise `BackendUnavailable` if HDFS has another length."""
        try:
            await self._create(unfinished, source.blocks())
        except BackendUnavailable as error:
            # A datanode that refuses closes the connection, and its reason may get lost.
            if source.error is None:
                await self._explain(unfinished)
            raise error from None
        status = await self._files.status(unfinished)
        if status is None:
            raise BackendUnavailable(str(unfinished), "FileVanished", "while it was written")
        if status.length != source.size:
            reason = f"HDFS has {status.length} of {source.size} bytes"
            raise BackendUnavailable(str(unfinished), "IncompleteBody", reason)
        return status

    async def _create(self, unfinished: Place, blocks: Body) -> None:
        """Raise `BucketNotFound` if the folder of the bucket is gone: it is not made again."""
        in_folder = "/" in unfinished.name
        query = {"overwrite": "false", "createparent": "true" if in_folder else "false"}
        try:
            await self._service.send(unfinished, Request("PUT", "CREATE", query, blocks, once=True))
        except ObjectNotFound:
            raise BucketNotFound(unfinished.bucket) from None

    async def _explain(self, unfinished: Place) -> None:
        """Raise what HDFS says of creating such a file, if it refuses that."""
        again = unfinished.unfinished()
        try:
            await self._create(again, _nothing())
        except BackendUnavailable:
            return
        await self._files.delete(again)

    async def _require_room(self, place: Place, condition: Condition) -> None:
        """Raise unless a file can have that name, and the condition is met by what has it."""
        status = await self._files.look(place)
        if status is None:
            await self._files.require_bucket(place)
        elif status.is_folder:
            await self._require_no_objects(place)
            status = None
        if condition != ALWAYS:
            check_write(condition, place.name, info_of(place.name, status) if status else None)

    async def _require_no_objects(self, folder: Place) -> None:
        """Delete a folder in the place of an object if it is empty. Raise `NotSupported` if not."""
        try:
            await self._files.delete(folder)
        except NotEmpty:
            raise NotSupported("an object with the name of a folder", PROVIDER) from None

    async def _check(self, place: Place, condition: Condition) -> None:
        """Raises `PreconditionFailed`, `ObjectNotFound`."""
        if condition == ALWAYS:
            return
        status = await self._reader.find(place)
        check_write(condition, place.name, info_of(place.name, status) if status else None)

    async def _name(
        self, unfinished: Place, place: Place, status: FileStatus, *, is_new: bool
    ) -> None:
        """Give the file the object's name. Raise `PreconditionFailed` if it must be new and is
        not."""
        try:
            done = await self._files.rename(unfinished, place, overwrites=not is_new)
        except AlreadyThere:
            if is_new:
                raise PreconditionFailed("If-None-Match") from None
            raise NotSupported("an object with the name of a folder", PROVIDER) from None
        except BackendUnavailable:
            # The answer may have got lost after it was done.
            found = await self._files.status(place)
            if found is None or found.etag != status.etag:
                raise
            return
        if done is False and is_new:
            raise PreconditionFailed("If-None-Match")
        if done is False:
            await self._replace(unfinished, place)

    async def _replace(self, unfinished: Place, place: Place) -> None:
        """Give the file the name of another one, which a namenode behind HttpFS does not do in one
        step."""
        aside = place.unfinished()
        if not await self._files.rename(place, aside, overwrites=False):
            raise BackendUnavailable(str(place), "NotRenamed", "another write was faster")
        try:
            if not await self._files.rename(unfinished, place, overwrites=False):
                raise BackendUnavailable(str(place), "NotRenamed", "another write was faster")
        except BaseException:
            await asyncio.shield(self._files.rename(aside, place, overwrites=False))
            raise
        await self._files.delete(aside)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        """The new time and the attributes are two requests. The ETag changes with the time only."""
        if options.version is not None:
            raise NotSupported("versions", PROVIDER)
        place = self._place(bucket, name)
        old = await self._reader.look(place)
        check_write(options.condition, name, old)
        attributes = change(old.attributes)
        check_attributes(place, attributes)
        if attributes == old.attributes and not options.touch:
            return old
        if options.touch:
            await self._files.set_time(place, time.time_ns() // _NS_PER_MS)
        status = await self._reader.require(place)
        await self._files.keep(place, kept_of(attributes, old.checksum, status.etag))
        return await self._reader.look(place)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        _check_version(request)
        place = self._place(bucket, request.name)
        status = await self._reader.find(place)
        if status is None and request.condition != ALWAYS:
            raise ObjectNotFound(request.name)
        if status is None:
            return Deletion(existed=False)
        check_write(request.condition, request.name, info_of(request.name, status))
        existed = await self._files.delete(place)
        await self._files.delete_empty_folders(place)
        return Deletion(existed=existed)

    async def delete_objects(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[Outcome]:
        for request in requests:
            _check_version(request)
        at_once = self._service.options.at_once
        return await delete_in_turns(requests, at_once, partial(self.delete_object, bucket))

    def _place(self, bucket: str, name: str) -> Place:
        return place_of(self._service.options.root, bucket, name)


class _Source:
    """A body on its way. `error` is what the body or the digest raised; `sealed` what the digest
    says when it has seen all."""

    def __init__(self, body: Body, digest: BodyDigest) -> None:
        self._body = body
        self._digest = digest
        self._first: bytes | None = None
        self._sealed: Sealed | None = None
        self.size = 0
        self.error: BaseException | None = None

    @property
    def sealed(self) -> Sealed:
        assert self._sealed is not None, "the body was sent to its end"
        return self._sealed

    async def begin(self) -> None:
        """Get the first block. Raises what the body raises."""
        self._first = await anext(self._body, None)

    async def blocks(self) -> AsyncIterator[bytes]:
        block = self._first
        try:
            while block is not None:
                if block:
                    self._digest.update(block)
                    self.size += len(block)
                    yield block
                block = await anext(self._body, None)
            self._sealed = self._digest.seal()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


async def _nothing() -> AsyncIterator[bytes]:
    for _ in range(0):
        yield b""


def _check_version(request: DeleteRequest) -> None:
    if request.version is not None or request.still is not None:
        raise NotSupported("versions", PROVIDER)
