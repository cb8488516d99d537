"""The model backend: the whole contract in dictionaries, to compare the others with.

Everything between two `await`s happens at once on an event loop. Each method therefore waits for
its body first, and then looks up, checks and commits without waiting.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from storage.backend import Change
from storage.backends.memory_names import NamedBuckets
from storage.backends.memory_objects import (
    MemoryObject,
    MemoryPart,
    MemoryUpload,
    assembled,
    span_of,
)
from storage.capabilities import ALL_CAPABILITIES
from storage.chunking import Chunking
from storage.cipher import check_key, unlocked
from storage.clock import Clock, SystemClock
from storage.conditions import check_completion, check_read, check_write, time_of, wanted_of
from storage.errors import (
    DeleteMarkerFound,
    ObjectChanged,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    UploadNotFound,
    VersionNotFound,
)
from storage.listing import object_page, part_page, upload_page, version_page
from storage.upload_ids import new_upload_id
from storage.values import (
    ALWAYS,
    NO_ATTRIBUTES,
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
    Attributes,
    Body,
    BodyDigest,
    BucketInfo,
    CompleteOptions,
    DeleteRequest,
    Deletion,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectInfo,
    ObjectRead,
    Page,
    PartInfo,
    PartOptions,
    PartPage,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    Sealed,
    Still,
    Stream,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Usage,
    Versioning,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")
STREAM_BLOCK_BYTES = 64 * 1024
_SYSTEM_CLOCK = SystemClock()


class _Bucket(Struct):
    """`histories` hold the versions of each name, newest first; `uploads` and `completed` are by
    object name and upload id."""

    info: BucketInfo
    histories: dict[str, list[MemoryObject]] = field(default_factory=dict)
    uploads: dict[tuple[str, str], MemoryUpload] = field(default_factory=dict)
    completed: dict[tuple[str, str], ObjectInfo] = field(default_factory=dict)

    def object(self, name: str, version: str | None = None) -> MemoryObject:
        """One version, or the current one; raises unless it has bytes."""
        stored = self.find(name, version)
        if stored is None:
            raise ObjectNotFound(name) if version is None else VersionNotFound(version)
        info = stored.info
        if info.delete_marker:
            named = version is not None
            raise DeleteMarkerFound(name, info.version, info.modified_ns, named=named)
        return stored

    def find(self, name: str, version: str | None = None) -> MemoryObject | None:
        history = self.histories.get(name, [])
        wanted = (each for each in history if version in (None, each.info.version))
        return next(wanted, None)

    def info_of(self, name: str, version: str | None = None) -> ObjectInfo | None:
        """What a condition is compared with: a delete marker is not an object."""
        found = self.find(name, version)
        return None if found is None or found.info.delete_marker else found.info

    def put(self, made: MemoryObject, new_version: Callable[[], str], now_ns: int) -> ObjectInfo:
        """The new current version, in the null version's place unless versions are kept."""
        name, version = made.info.name, NULL_VERSION
        if self.info.versioning is Versioning.ENABLED:
            version = new_version()
        else:
            self.remove(name, NULL_VERSION, now_ns)
        info = msgspec.structs.replace(made.info, version=version)
        self.histories.setdefault(name, []).insert(0, replace(made, info=info))
        return info

    def remove(
        self, name: str, version: str, now_ns: int, *, bypass_governance: bool = False
    ) -> MemoryObject | None:
        """Take one version out, if it is there and nothing keeps it."""
        found = self.find(name, version)
        if found is None:
            return None
        lock = found.info.attributes.lock
        if lock and lock.forbids_removal(now_ns, bypass_governance=bypass_governance):
            raise ObjectLocked(name)
        self.histories[name].remove(found)
        if not self.histories[name]:
            del self.histories[name]
        return found

    def check_still(self, name: str, version: str, still: Still) -> None:
        found, history = self.find(name, version), self.histories.get(name, [])
        if found is None:
            return
        lone_marker = found.info.delete_marker and len(history) == 1
        if not (lone_marker if still is Still.LONE_MARKER else found is not history[0]):
            raise PreconditionFailed(still.name)

    def upload(self, name: str, upload_id: str) -> MemoryUpload:
        try:
            return self.uploads[name, upload_id]
        except KeyError:
            raise UploadNotFound(upload_id) from None


class MemoryBackend(NamedBuckets[_Bucket]):
    """A `Backend` that keeps nothing when its process ends."""

    capabilities = ALL_CAPABILITIES

    def __init__(
        self,
        clock: Clock = _SYSTEM_CLOCK,
        *,
        new_upload_id: Callable[[str, int], str] = new_upload_id,
        new_version: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        super().__init__(clock, _Bucket)
        self._new_upload_id = new_upload_id
        self._new_version = new_version

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        histories = self._histories(bucket)
        current = (history[0] for history in histories if not history[0].delete_marker)
        return object_page(current, query)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        return version_page(self._histories(bucket), query)

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        return show(ListedVersionPage.of(await self.list_versions(bucket, query)))

    def _histories(self, bucket: str) -> Iterator[list[ObjectInfo]]:
        histories = self._bucket(bucket).histories
        return ([each.info for each in histories[name]] for name in sorted(histories))

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        stored = self._bucket(bucket).object(name, options.version)
        check_read(options.condition, stored.info)
        want = wanted_of(options, stored.info)
        return Reading(
            stored.info,
            span_of(stored, want),
            b"",
        )

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        stored = self._bucket(bucket).object(name, options.version)
        check_read(options.condition, stored.info)
        want = wanted_of(options, stored.info)
        span = span_of(stored, want)
        await unlocked(stored.info, options.unlock)
        content = stored.content[span.start : span.stop]
        if len(content) <= STREAM_BLOCK_BYTES:
            return Reading(stored.info, span, content)
        if options.before_stream is not None:
            await options.before_stream()
        return Reading(stored.info, span, _stream(content))

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        found: list[Reading | StorageError] = []
        left = room_bytes
        for read in reads:
            try:
                reading = await self.get_object(read.bucket, read.name, read.options)
            except StorageError as error:
                found.append(error)
                continue
            left -= len(reading.span)
            if found and left < 0:
                break
            found.append(reading)
            if not isinstance(reading.body, bytes):
                break
        return found

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        return part_page(self._bucket(bucket).object(name, version).parts, after, limit)

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        home = self._bucket(bucket)
        stored = home.object(name, options.version)
        check_read(options.condition, stored.info)
        layout = chunks.layout(stored.info.size, stored.info.size)
        if list(stored.layout) == layout:
            return False
        await unlocked(stored.info, options.unlock)
        found = home.find(name, stored.info.version)
        if found is None or found.content is not stored.content:
            raise ObjectChanged(name)
        history = home.histories[name]
        history[history.index(found)] = found.cut(layout)
        return True

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        check_key(options.data_key, options.attributes)
        content, sealed = await _absorb(body, options.digest)
        etag, attributes = sealed.etag, options.attributes
        if options.before_commit is not None:
            origin = await options.before_commit()
            etag, attributes = origin.etag, attributes.of_origin(origin)
        self._same(home)
        current = home.info_of(name)
        check_write(options.condition, name, current)
        now_ns = self._clock.now_ns()
        info = ObjectInfo(
            name=name,
            size=len(content),
            etag=etag,
            modified_ns=now_ns if options.modified_ns is None else options.modified_ns,
            attributes=attributes,
            checksum=sealed.checksum,
            writes=current.writes + 1 if current else 1,
        )
        layout = options.chunks.layout(len(content), options.size) if options.chunks else ()
        made = MemoryObject(info, content).cut(layout)
        return home.put(made, self._new_version, info.modified_ns)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        stored = home.object(name, options.version)
        check_write(options.condition, name, stored.info)
        attributes: Attributes = change(stored.info.attributes)
        modified_ns = self._clock.now_ns() if options.touch else stored.info.modified_ns
        info = msgspec.structs.replace(stored.info, attributes=attributes, modified_ns=modified_ns)
        history = home.histories[name]
        history[history.index(stored)] = replace(stored, info=info)
        return info

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        home, now_ns = self._bucket(bucket), self._clock.now_ns()
        token = name, f"rename {options.token} {source}"
        if options.token and token in home.completed:
            return home.completed[token]
        stored = home.object(source)
        check_write(options.source_condition, source, stored.info)
        check_write(options.condition, name, home.info_of(name))
        if source == name:
            return stored.info
        before = {each: list(home.histories.get(each, ())) for each in (source, name)}
        try:
            home.remove(source, stored.info.version, now_ns)
            if home.info.versioning is not Versioning.NEVER:
                self._add_delete_marker(home, source, now_ns)
            renamed = msgspec.structs.replace(stored.info, name=name)
            made = replace(stored, info=renamed)
            info = home.put(made, self._new_version, now_ns)
        except ObjectLocked:
            home.histories |= {each: history for each, history in before.items() if history}
            raise
        if options.token:
            home.completed[token] = info
        return info

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        home, name = self._bucket(bucket), request.name
        current = home.info_of(name, request.version)
        if current is not None:
            check_write(request.condition, name, current)
        elif request.condition != ALWAYS:
            raise ObjectNotFound(name)
        now_ns = self._clock.now_ns()
        if request.version is None and home.info.versioning is not Versioning.NEVER:
            return self._add_delete_marker(home, name, now_ns)
        version = request.version or NULL_VERSION
        if request.still is not None:
            home.check_still(name, version, request.still)
        bypass = request.bypass_governance
        removed = home.remove(name, version, now_ns, bypass_governance=bypass)
        if removed is None:
            return Deletion(existed=False, version=version)
        return Deletion(True, version, removed.info.delete_marker)

    def _add_delete_marker(self, home: _Bucket, name: str, now_ns: int) -> Deletion:
        existed = home.info_of(name) is not None
        marker = ObjectInfo(name, 0, "", now_ns, NO_ATTRIBUTES, delete_marker=True)
        info = home.put(MemoryObject(marker, b""), self._new_version, now_ns)
        return Deletion(existed, info.version, delete_marker=True)

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        self._bucket(bucket)
        return [await self._delete_one(bucket, request) for request in requests]

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        home = self._bucket(bucket)
        now = self._clock.now_ns()
        info = UploadInfo.from_options(self._new_upload_id(name, now), name, options, now)
        info = msgspec.structs.replace(info, over_ns=time_of(home.info_of(name)))
        home.uploads[name, info.id] = MemoryUpload(info)
        return info

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        return self._bucket(bucket).upload(name, upload_id).info

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        home = self._bucket(bucket)
        check_key(options.data_key, home.upload(name, upload_id).info.attributes)
        content, sealed = await _absorb(body, options.digest)
        if options.before_commit is not None:
            await options.before_commit()
        upload = self._same(home).upload(name, upload_id)
        now_ns = self._clock.now_ns()
        info = PartInfo(number, len(content), sealed.etag, now_ns, sealed.checksum)
        upload.parts[number] = MemoryPart(info, content)
        return info

    async def get_part(self, bucket: str, name: str, upload_id: str, number: int) -> bytes | Stream:
        (part,) = self._bucket(bucket).upload(name, upload_id).choose((number,))
        return part.content

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        parts = self._bucket(bucket).upload(name, upload_id).parts
        return part_page((parts[number].info for number in sorted(parts)), after, limit)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        if (name, upload_id) in home.completed:
            return home.completed[name, upload_id]
        upload = home.upload(name, upload_id)
        parts = upload.choose(options.numbers)
        sealed = options.assemble(upload.info, [part.info for part in parts])
        current = home.info_of(name)
        check_completion(options.condition, upload.info, name, current)
        modified_ns = options.modified_ns
        if modified_ns is None:
            modified_ns = self._clock.now_ns()
        made = assembled(upload.info, parts, sealed, modified_ns)
        if options.whole:
            info = msgspec.structs.replace(made.info, parts=0)
            made = replace(made, info=info, parts=())
        if options.before_commit is not None:
            origin = await options.before_commit()
            attributes = made.info.attributes.of_origin(origin)
            info = msgspec.structs.replace(made.info, etag=origin.etag, attributes=attributes)
            made = replace(made, info=info)
        if current:
            info = msgspec.structs.replace(made.info, writes=current.writes + 1)
            made = replace(made, info=info)
        info = home.put(made, self._new_version, made.info.modified_ns)
        del home.uploads[name, upload_id]
        home.completed[name, upload_id] = info
        return info

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        home = self._bucket(bucket)
        home.upload(name, upload_id)
        del home.uploads[name, upload_id]

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        uploads = self._bucket(bucket).uploads
        infos = (uploads[key].info for key in sorted(uploads))
        return upload_page((info for info in infos if info.is_append == query.appends), query)

    async def usage(self) -> Usage:
        stored = [
            version.info
            for bucket in self._buckets.values()
            for history in bucket.histories.values()
            for version in history
            if not version.info.delete_marker
        ]
        return Usage(
            buckets=len(self._buckets),
            objects=len(stored),
            stored_bytes=sum(info.size for info in stored),
        )

    async def _delete_one(self, bucket: str, request: DeleteRequest) -> Deletion | StorageError:
        try:
            return await self.delete_object(bucket, request)
        except StorageError as error:
            return error


async def _absorb(body: Body, digest: BodyDigest) -> tuple[bytes, Sealed]:
    blocks = []
    async for block in body:
        digest.update(block)
        blocks.append(block)
    return b"".join(blocks), digest.seal()


async def _stream(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), STREAM_BLOCK_BYTES):
        yield content[start : start + STREAM_BLOCK_BYTES]
