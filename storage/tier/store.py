"""Store of front ends and jobs where buckets of backends are known.

It has the methods of `Backend`, and passes what is about buckets of our own on to the local store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, TypeVar

import msgspec

from storage.backend import Change
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.conditions import check_read
from storage.errors import (
    BackendUnavailable,
    BucketNotFound,
    LengthUnknown,
    NotSupported,
    ObjectNotFound,
    StorageError,
    UploadNotFound,
)
from storage.ranges import PartNumber
from storage.tier.blocks import blocks_of
from storage.tier.listing import joined_page
from storage.tier.parts import is_download
from storage.tier.remote import FetchTask, Remote, RemoteBucket, is_system, origin_of
from storage.tier.tee import Tee
from storage.tier.tier import Tier
from storage.values import (
    NO_ATTRIBUTES,
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
    Attributes,
    Body,
    BucketInfo,
    CompleteOptions,
    DeleteRequest,
    Deletion,
    ListedPage,
    ListQuery,
    ObjectInfo,
    ObjectRead,
    Origin,
    Page,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    Sealed,
    Stream,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    VersionPage,
    VersionQuery,
    is_append,
)

T = TypeVar("T")
Named = TypeVar("Named", ReadOptions, UpdateOptions, DeleteRequest)


class Unchanged:
    """Digest of a body that another one checks."""

    def update(self, block: bytes) -> None:
        pass

    def seal(self) -> Sealed:
        return Sealed("")


class _PlainPlace(msgspec.Struct, frozen=True):
    """A bucket of the local store, and its provider if it is remote."""

    bucket: str
    provider: str = ""


class TieredStore:
    """The local store, and the backends behind it."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.local = local = tier.local
        self.capabilities = local.capabilities
        # What is about no object, or never about one of a backend.
        self.create_bucket = local.create_bucket
        self.buckets_revision = local.buckets_revision
        self.usage = local.usage

    @property
    def access_times(self) -> Any:
        return getattr(self.local, "access_times", None)

    async def list_buckets(self) -> list[BucketInfo]:
        """Return the buckets that clients may see."""
        return [each for each in await self.local.list_buckets() if not is_system(each.name)]

    async def head_bucket(self, name: str) -> BucketInfo:
        return await self.tier.bucket(name)

    async def update_bucket(
        self, name: str, change: Callable[[BucketInfo], BucketInfo]
    ) -> BucketInfo:
        def allowed(old: BucketInfo) -> BucketInfo:
            new = change(old)
            if RemoteBucket.setting_name in new.settings:
                self._check(old, new)
            return new

        return await self.local.update_bucket((await self.tier.bucket(name)).name, allowed)

    def _check(self, old: BucketInfo, new: BucketInfo) -> None:
        """Raise `NotSupported` for what a bucket of a backend cannot be told here."""
        if new.versioning is not old.versioning:
            raise NotSupported("versioning", new.name)
        for name in self.tier.refused & new.settings.keys():
            if new.settings[name] != old.settings.get(name):
                raise NotSupported(name, new.name)

    async def rename_bucket(self, name: str, new_name: str, *change: Any) -> BucketInfo:
        await self._own(name, "rename_bucket")
        return await self.local.rename_bucket(name, new_name, *change)

    async def delete_bucket(self, name: str) -> None:
        await self._own(name, "delete_bucket")
        await self.local.delete_bucket(name)

    async def discard_bucket(self, name: str, *change: Any) -> None:
        await self._own(name, "discard_bucket")
        await self.local.discard_bucket(name, *change)

    # Reading

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.list_objects(info.name, query)
        return await joined_page(self.local, remote, query)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.show_objects(info.name, query, show)
        page = ListedPage.of(await joined_page(self.local, remote, query))
        return await asyncio.to_thread(show, page)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.head_object(info.name, name, options)
        found = await self._found(remote, name, options)
        if found is None:
            try:
                return await remote.backend.head_object(remote.name, name, _there(remote, options))
            except LengthUnknown:
                await self.tier.fetch(FetchTask(info.name, name))
        return _shown(await self.local.head_object(info.name, name, _here(options)))

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.get_object(info.name, name, options)
        # Most reads take the object that is here, and need no look before.
        if self._asks_first(info, options) and await self._found(remote, name, options) is None:
            return await self._miss(remote, name, options)
        try:
            reading = _shown(await self.local.get_object(info.name, name, _here(options)))
        except ObjectNotFound:
            return await self._miss(remote, name, options)
        self.tier.counts.read(remote.provider, is_hit=True)
        return reading

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        places = [await self._plain_place(read) for read in reads]
        plain = places.index(None) if None in places else len(places)
        if reads and not plain:
            return [await self._outcome(reads[0])]
        ours = [
            ObjectRead(place.bucket, read.name, read.options)
            for place, read in zip(places[:plain], reads, strict=False)
            if place is not None
        ]
        found = await self.local.get_objects(ours, room_bytes)
        for number, outcome in enumerate(found):
            read = reads[number]
            if isinstance(outcome, ObjectNotFound) and await self._is_remote(read.bucket):
                # It has to be fetched, and may be a stream: it is the last of this answer.
                last = found[-1]
                if isinstance(last, Reading) and not isinstance(last.body, bytes):
                    await last.body.aclose()
                return [*found[:number], await self._outcome(read)]
            if isinstance(outcome, Reading):
                found[number] = _shown(outcome)
                place = places[number]
                if place is not None and place.provider:
                    self.tier.counts.read(place.provider, is_hit=True)
        return found

    async def _plain_place(self, read: ObjectRead) -> _PlainPlace | None:
        """Return the bucket here, if the object may be read here without asking further."""
        try:
            info, remote = await self._place(read.bucket)
        except BucketNotFound:
            return _PlainPlace(read.bucket)
        if remote is None:
            return _PlainPlace(info.name)
        if self._asks_first(info, read.options):
            return None
        return _PlainPlace(info.name, remote.provider)

    def _asks_first(self, bucket: BucketInfo, options: ReadOptions) -> bool:
        """Whether an object that is here may not be the one that is wanted."""
        return (
            options.latest
            or options.version is not None
            or isinstance(options.want, PartNumber)
            or self.tier.policy(bucket).validates
        )

    async def _is_remote(self, bucket: str) -> bool:
        return (await self._place(bucket))[1] is not None

    async def _outcome(self, read: ObjectRead) -> Reading | StorageError:
        try:
            return await self.get_object(read.bucket, read.name, read.options)
        except StorageError as error:
            return error

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        return await self.local.list_versions(await self._own(bucket, "list_versions"), query)

    async def show_versions(self, bucket: str, query: VersionQuery, show: Any) -> Any:
        name = await self._own(bucket, "list_versions")
        return await self.local.show_versions(name, query, show)

    async def list_object_parts(self, bucket: str, name: str, **page: Any) -> Any:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.list_object_parts(info.name, name, **page)
        with suppress(ObjectNotFound):
            if (await self.local.head_object(info.name, name)).info.parts:
                return await self.local.list_object_parts(info.name, name, **page)
        return await remote.backend.list_object_parts(remote.name, name, **page)

    # Writing

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.put_object(info.name, name, body, options)
        remote.require_writable("put_object")
        _check_attributes(info, NO_ATTRIBUTES, options.attributes)
        there = PutOptions(
            Unchanged(),
            msgspec.structs.replace(options.attributes, encryption=None),
            options.condition,
            options.size,
        )
        tee = Tee(body, lambda far: remote.backend.put_object(remote.name, name, far, there))
        async with AsyncExitStack() as held:
            held.push_async_callback(tee.aclose)

            async def written() -> Origin:
                await held.enter_async_context(self.tier.locks.hold(info.name, name))
                await self._forget(info.name, [name])
                return origin_of(await tee.release())

            here = msgspec.structs.replace(
                options, condition=READ_ALL.condition, before_commit=written
            )
            made = await self.local.put_object(info.name, name, tee.near(), here)
        return shown(made)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.update_object(info.name, name, change, options)

        remote.require_writable("update_object")

        def allowed(old: Attributes) -> Attributes:
            new = change(old)
            _check_attributes(info, old, new)
            return new

        await self._forget(info.name, [name])
        there = _meant(remote, options)
        made = await remote.backend.update_object(remote.name, name, allowed, there)
        await self._drop(info.name, [name])
        return made

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        info = await self._own(bucket, "rename_object")
        return await self.local.rename_object(info, source, name, options)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.delete_object(info.name, request)
        remote.require_writable("delete_object")
        await self._forget(info.name, [request.name])
        done = await remote.backend.delete_object(remote.name, _meant(remote, request))
        await self._drop(info.name, [request.name])
        return done

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.delete_objects(info.name, requests)
        remote.require_writable("delete_objects")
        await self._forget(info.name, [request.name for request in requests])
        there = [_meant(remote, request) for request in requests]
        done = await remote.backend.delete_objects(remote.name, there)
        pairs = zip(requests, done, strict=True)
        gone = [request.name for request, outcome in pairs if isinstance(outcome, Deletion)]
        await self._drop(info.name, gone)
        return done

    # Uploads

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.create_upload(info.name, name, options)
        remote.require_writable("create_upload")
        _check_attributes(info, NO_ATTRIBUTES, options.attributes)
        attributes = msgspec.structs.replace(options.attributes, encryption=None, origin=None)
        plain = msgspec.structs.replace(options, attributes=attributes)
        if options.append or not _has_uploads(remote):
            # The backend gets it whole.
            return await self.local.create_upload(info.name, name, plain)
        there = await remote.backend.create_upload(remote.name, name, plain)
        marked = options.attributes.of_origin(Origin("", there.id))
        ours = msgspec.structs.replace(options, attributes=marked)
        return _plain(await self.local.create_upload(info.name, name, ours))

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        info = await self.tier.bucket(bucket)
        return _plain(await self.local.head_upload(info.name, name, upload_id))

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        info, remote = await self._place(bucket)
        if remote is None or is_append(upload_id) or not _has_uploads(remote):
            return await self.local.put_part(info.name, name, upload_id, number, body, options)
        far_id = await self._far_id(info, name, upload_id)
        there = PartOptions(Unchanged())
        tee = Tee(
            body,
            lambda far: remote.backend.put_part(remote.name, name, far_id, number, far, there),
        )
        ours = msgspec.structs.replace(options, before_commit=tee.release)
        async with AsyncExitStack() as held:
            held.push_async_callback(tee.aclose)
            return await self.local.put_part(info.name, name, upload_id, number, tee.near(), ours)

    async def list_parts(self, bucket: str, name: str, upload_id: str, **page: Any) -> Any:
        info = await self.tier.bucket(bucket)
        return await self.local.list_parts(info.name, name, upload_id, **page)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        info, remote = await self._place(bucket)
        if remote is None:
            return await self.local.complete_upload(info.name, name, upload_id, options)
        try:
            upload = await self.local.head_upload(info.name, name, upload_id)
        except StorageError:
            # Completed before: the local store has the answer.
            done = await self.local.complete_upload(info.name, name, upload_id, options)
            return shown(done)
        in_parts = not upload.is_append and _has_uploads(remote)
        finish = self._finish_upload if in_parts else self._finish_whole
        origin: Origin | None = None
        async with AsyncExitStack() as held:

            async def completed() -> Origin:
                nonlocal origin
                if origin is None:
                    await held.enter_async_context(self.tier.locks.hold(info.name, name))
                    await self._forget(info.name, [name])
                    origin = origin_of(await finish(remote, upload, options))
                return origin

            ours = CompleteOptions(
                options.numbers,
                lambda upload, parts: options.assemble(_plain(upload), parts),
                before_commit=completed,
                whole=upload.is_append,
            )
            return shown(await self.local.complete_upload(info.name, name, upload_id, ours))

    async def _finish_upload(
        self, remote: Remote, upload: UploadInfo, options: CompleteOptions
    ) -> ObjectInfo:
        """Complete the backend's upload, of the same parts."""
        far_id = upload.attributes.origin.version if upload.attributes.origin else ""
        there = CompleteOptions(options.numbers, _assembled_there, options.condition)
        return await remote.backend.complete_upload(remote.name, upload.name, far_id, there)

    async def _finish_whole(
        self, remote: Remote, upload: UploadInfo, options: CompleteOptions
    ) -> ObjectInfo:
        """Write what was appended to the backend, or uploaded to one without uploads, as one
        object."""
        body = self._joined(remote.bucket.name, upload, options.numbers)
        there = PutOptions(Unchanged(), upload.attributes, options.condition)
        async with aclosing(body):
            return await remote.backend.put_object(remote.name, upload.name, body, there)

    async def _joined(self, bucket: str, upload: UploadInfo, numbers: Sequence[int]) -> Stream:
        for number in numbers:
            part = await self.local.get_part(bucket, upload.name, upload.id, number)
            async with aclosing(blocks_of(part)) as blocks:
                async for block in blocks:
                    yield block

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        info, remote = await self._place(bucket)
        if remote is not None and not is_append(upload_id) and _has_uploads(remote):
            far_id = await self._far_id(info, name, upload_id)
            # The backend may have ended it by itself.
            with suppress(UploadNotFound):
                await remote.backend.abort_upload(remote.name, name, far_id)
        await self.local.abort_upload(info.name, name, upload_id)

    async def list_uploads(self, bucket: str, query: Any) -> Any:
        page = await self.local.list_uploads((await self.tier.bucket(bucket)).name, query)
        uploads = tuple(_plain(each) for each in page.uploads if not is_download(each))
        return msgspec.structs.replace(page, uploads=uploads)

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        info = await self.tier.bucket(bucket)
        return await self.local.rechunk_object(info.name, name, chunks, options)

    # Steps

    async def _place(self, bucket: str) -> tuple[BucketInfo, Remote | None]:
        info = await self.tier.bucket(bucket)
        return info, self.tier.remote_of(info)

    async def _own(self, bucket: str, operation: str) -> str:
        """Return the name of a bucket that is here alone. Raise `NotSupported` for another one."""
        info, remote = await self._place(bucket)
        if remote is not None:
            raise NotSupported(operation, info.name)
        return info.name

    async def _found(self, remote: Remote, name: str, options: ReadOptions) -> ObjectInfo | None:
        """Return the object if it is here, is the version that is wanted, and is as new as it must
        be."""
        try:
            info = (await self.local.head_object(remote.bucket.name, name)).info
        except ObjectNotFound:
            return None
        origin = info.attributes.origin
        if options.version not in (None, NULL_VERSION, origin.version if origin else None):
            return None
        if isinstance(options.want, PartNumber) and not info.parts:
            # Only what was uploaded through us is here in its parts.
            return None
        policy = self.tier.policy(remote.bucket)
        if not (options.latest or policy.validates):
            return info
        try:
            latest = await self.tier.is_latest(remote, info, drops=options.keeps)
        except BackendUnavailable:
            # What is here is good enough, unless this very request wants more.
            if options.latest:
                raise
            return info
        return info if latest else None

    async def _miss(self, remote: Remote, name: str, options: ReadOptions) -> Reading:
        reading = await self._cold(remote, name, options)
        self.tier.counts.read(remote.provider, is_hit=False)
        return reading

    async def _cold(self, remote: Remote, name: str, options: ReadOptions) -> Reading:
        """Read an object that is not here. Whole, it is kept on its way; of a part or a condition
        the backend decides, and the whole follows."""
        plan = self.tier.plan(remote, options.parallel)
        if not options.keeps:
            return await remote.backend.get_object(remote.name, name, _there(remote, options))
        if options.version not in (None, NULL_VERSION):
            reading = await remote.backend.get_object(remote.name, name, _there(remote, options))
            self.tier.downloads.begin_version(remote, name, options.version, plan)
            return reading
        if options.want is not None or options.choose is not None:
            reading = await remote.backend.get_object(remote.name, name, _there(remote, options))
            self.tier.downloads.begin(remote, name, plan)
            return reading
        if options.condition != READ_ALL.condition:
            there = await remote.backend.head_object(remote.name, name)
            check_read(options.condition, there.info)
        if options.before_stream is not None:
            await options.before_stream()
        coming = await self.tier.downloads.read(remote, name, plan)
        if coming is not None:
            return coming
        return _shown(await self.local.get_object(remote.bucket.name, name, _here(options)))

    async def _drop(self, bucket: str, names: Sequence[str]) -> None:
        """Remove here what was deleted there, also what a download is bringing just now."""
        for name in names:
            async with self.tier.locks.hold(bucket, name):
                pass
        await self._forget(bucket, names)

    async def _forget(self, bucket: str, names: Sequence[str]) -> None:
        """Remove here what is about to change there: a server that dies between the two must not
        go on with the old one."""
        await self.local.delete_objects(bucket, [DeleteRequest(name) for name in names])

    async def _far_id(self, bucket: BucketInfo, name: str, upload_id: str) -> str:
        upload = await self.local.head_upload(bucket.name, name, upload_id)
        origin = upload.attributes.origin
        return origin.version if origin else ""


def _check_attributes(bucket: BucketInfo, old: Attributes, new: Attributes) -> None:
    """Raise `NotSupported` for what no backend keeps of an object."""
    for what, before, after in (("ACLs", old.acl, new.acl), ("locks", old.lock, new.lock)):
        if after and after != before:
            raise NotSupported(f"{what} of objects", bucket.name)


def shown(info: ObjectInfo) -> ObjectInfo:
    """Return the facts with the backend's version."""
    origin = info.attributes.origin
    if origin is None or not origin.version:
        return info
    return msgspec.structs.replace(info, version=origin.version)


def _shown(reading: Reading) -> Reading:
    info = shown(reading.info)
    return reading if info is reading.info else msgspec.structs.replace(reading, info=info)


def _here(options: ReadOptions) -> ReadOptions:
    if options.version is None:
        return options
    return msgspec.structs.replace(options, version=None)


def _has_uploads(remote: Remote) -> bool:
    return Capability.UPLOADS in remote.backend.capabilities


def _meant(remote: Remote, what: Named) -> Named:
    """Of a backend without versions, the null version is the object itself."""
    if what.version != NULL_VERSION or Capability.VERSIONS in remote.backend.capabilities:
        return what
    return msgspec.structs.replace(what, version=None)


def _there(remote: Remote, options: ReadOptions) -> ReadOptions:
    options = _meant(remote, options)
    if options.unlock is None and options.before_stream is None:
        return options
    return msgspec.structs.replace(options, unlock=None, before_stream=None)


def _plain(upload: UploadInfo) -> UploadInfo:
    """Return the upload without that of the backend."""
    if upload.attributes.origin is None:
        return upload
    attributes = msgspec.structs.replace(upload.attributes, origin=None)
    return msgspec.structs.replace(upload, attributes=attributes)


def _assembled_there(_: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    """Only the backend knows the ETag of what it assembles."""
    return Sealed("")
