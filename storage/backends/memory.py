"""The model backend: the whole contract in dictionaries, to compare the others with.

Everything between two `await`s happens at once on an event loop. Each method therefore waits for
its body first, and then looks up, checks and commits without waiting.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from storage.backend import Change
from storage.clock import Clock, SystemClock
from storage.conditions import check_read, check_write
from storage.errors import (
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    ObjectNotFound,
    PartNotFound,
    StorageError,
    UploadNotFound,
)
from storage.listing import object_page, part_page, upload_page
from storage.ranges import resolve
from storage.values import (
    ALWAYS,
    Attributes,
    Between,
    Body,
    BodyDigest,
    BucketInfo,
    CompleteOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    ObjectInfo,
    Page,
    PartInfo,
    PartNumber,
    PartPage,
    PutOptions,
    Reading,
    Sealed,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Usage,
    Want,
)

STREAM_BLOCK_BYTES = 64 * 1024
_SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class _Object:
    info: ObjectInfo
    content: bytes
    parts: tuple[PartInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    info: PartInfo
    content: bytes


@dataclass(frozen=True, slots=True)
class _Upload:
    info: UploadInfo
    parts: dict[int, _Part] = field(default_factory=dict)

    def choose(self, numbers: tuple[int, ...]) -> list[_Part]:
        for number in numbers:
            if number not in self.parts:
                raise PartNotFound(number)
        return [self.parts[number] for number in numbers]


@dataclass(slots=True)
class _Bucket:
    """`uploads` and `completed` are by object name and upload id."""

    info: BucketInfo
    objects: dict[str, _Object] = field(default_factory=dict)
    uploads: dict[tuple[str, str], _Upload] = field(default_factory=dict)
    completed: dict[tuple[str, str], ObjectInfo] = field(default_factory=dict)

    def object(self, name: str) -> _Object:
        try:
            return self.objects[name]
        except KeyError:
            raise ObjectNotFound(name) from None

    def info_of(self, name: str) -> ObjectInfo | None:
        return self.objects[name].info if name in self.objects else None

    def upload(self, name: str, upload_id: str) -> _Upload:
        try:
            return self.uploads[name, upload_id]
        except KeyError:
            raise UploadNotFound(upload_id) from None


class MemoryBackend:
    """A `Backend` that forgets everything at its end."""

    def __init__(
        self,
        clock: Clock = _SYSTEM_CLOCK,
        *,
        new_upload_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._clock = clock
        self._new_upload_id = new_upload_id
        self._buckets: dict[str, _Bucket] = {}

    async def create_bucket(self, name: str, *, owner: str, location: str = "") -> BucketInfo:
        if name in self._buckets:
            raise BucketExists(name, self._buckets[name].info.owner)
        info = BucketInfo(name, owner, self._clock.now_ns(), location)
        self._buckets[name] = _Bucket(info)
        return info

    async def head_bucket(self, name: str) -> BucketInfo:
        return self._bucket(name).info

    async def delete_bucket(self, name: str) -> None:
        if self._bucket(name).objects:
            raise BucketNotEmpty(name)
        del self._buckets[name]

    async def list_buckets(self) -> list[BucketInfo]:
        return [self._buckets[name].info for name in sorted(self._buckets)]

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        objects = self._bucket(bucket).objects
        return object_page((objects[name].info for name in sorted(objects)), query)

    async def head_object(
        self, bucket: str, name: str, *, want: Want | None = None, condition: Condition = ALWAYS
    ) -> Reading:
        stored = self._bucket(bucket).object(name)
        check_read(condition, stored.info)
        return Reading(stored.info, _span(stored, want), b"")

    async def get_object(
        self, bucket: str, name: str, *, want: Want | None = None, condition: Condition = ALWAYS
    ) -> Reading:
        stored = self._bucket(bucket).object(name)
        check_read(condition, stored.info)
        span = _span(stored, want)
        content = stored.content[span.start : span.stop]
        small = len(content) <= STREAM_BLOCK_BYTES
        return Reading(stored.info, span, content if small else _stream(content))

    async def list_object_parts(
        self, bucket: str, name: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        return part_page(self._bucket(bucket).object(name).parts, after, limit)

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        self._bucket(bucket)
        content, sealed = await _absorb(body, options.digest)
        home = self._bucket(bucket)
        check_write(options.condition, name, home.info_of(name))
        info = ObjectInfo(
            name=name,
            size=len(content),
            etag=sealed.etag,
            modified_ns=self._clock.now_ns(),
            attributes=options.attributes,
            checksum=sealed.checksum,
        )
        home.objects[name] = _Object(info, content)
        return info

    async def update_object(
        self,
        bucket: str,
        name: str,
        change: Change,
        *,
        condition: Condition = ALWAYS,
        touch: bool = False,
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        stored = home.object(name)
        check_write(condition, name, stored.info)
        attributes: Attributes = change(stored.info.attributes)
        modified_ns = self._clock.now_ns() if touch else stored.info.modified_ns
        info = msgspec.structs.replace(stored.info, attributes=attributes, modified_ns=modified_ns)
        home.objects[name] = _Object(info, stored.content, stored.parts)
        return info

    async def delete_object(self, bucket: str, name: str, *, condition: Condition = ALWAYS) -> bool:
        home = self._bucket(bucket)
        if name not in home.objects:
            if condition != ALWAYS:
                raise ObjectNotFound(name)
            return False
        check_write(condition, name, home.info_of(name))
        del home.objects[name]
        return True

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[StorageError | None]:
        self._bucket(bucket)
        return [await self._delete_one(bucket, request) for request in requests]

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        home = self._bucket(bucket)
        info = UploadInfo(
            id=self._new_upload_id(),
            name=name,
            initiated_ns=self._clock.now_ns(),
            owner=options.owner,
            attributes=options.attributes,
            checksum_algorithm=options.checksum_algorithm,
            checksum_type=options.checksum_type,
        )
        home.uploads[name, info.id] = _Upload(info)
        return info

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        return self._bucket(bucket).upload(name, upload_id).info

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, digest: BodyDigest
    ) -> PartInfo:
        self._bucket(bucket).upload(name, upload_id)
        content, sealed = await _absorb(body, digest)
        upload = self._bucket(bucket).upload(name, upload_id)
        now_ns = self._clock.now_ns()
        info = PartInfo(number, len(content), sealed.etag, now_ns, sealed.checksum)
        upload.parts[number] = _Part(info, content)
        return info

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
        check_write(options.condition, name, home.info_of(name))
        made = _assembled(upload.info, parts, sealed, self._clock.now_ns())
        del home.uploads[name, upload_id]
        home.completed[name, upload_id] = made.info
        home.objects[name] = made
        return made.info

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        home = self._bucket(bucket)
        home.upload(name, upload_id)
        del home.uploads[name, upload_id]

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        uploads = self._bucket(bucket).uploads
        return upload_page((uploads[key].info for key in sorted(uploads)), query)

    async def usage(self) -> Usage:
        stored = [stored for bucket in self._buckets.values() for stored in bucket.objects.values()]
        return Usage(
            buckets=len(self._buckets),
            objects=len(stored),
            stored_bytes=sum(each.info.size for each in stored),
        )

    def _bucket(self, name: str) -> _Bucket:
        try:
            return self._buckets[name]
        except KeyError:
            raise BucketNotFound(name) from None

    async def _delete_one(self, bucket: str, request: DeleteRequest) -> StorageError | None:
        try:
            await self.delete_object(bucket, request.name, condition=request.condition)
        except StorageError as error:
            return error
        return None


async def _absorb(body: Body, digest: BodyDigest) -> tuple[bytes, Sealed]:
    blocks = []
    async for block in body:
        digest.update(block)
        blocks.append(block)
    return b"".join(blocks), digest.seal()


def _span(stored: _Object, want: Want | None) -> Between:
    if isinstance(want, PartNumber):
        return _part_span(stored, want.number)
    return resolve(want, stored.info.size)


def _part_span(stored: _Object, number: int) -> Between:
    if not stored.parts and number == 1:
        return Between(0, stored.info.size)
    start = 0
    for part in stored.parts:
        if part.number == number:
            return Between(start, start + part.size)
        start += part.size
    raise PartNotFound(number)


async def _stream(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), STREAM_BLOCK_BYTES):
        yield content[start : start + STREAM_BLOCK_BYTES]


def _assembled(upload: UploadInfo, parts: list[_Part], sealed: Sealed, now_ns: int) -> _Object:
    content = b"".join(part.content for part in parts)
    info = ObjectInfo(
        name=upload.name,
        size=len(content),
        etag=sealed.etag,
        modified_ns=now_ns,
        attributes=upload.attributes,
        checksum=sealed.checksum,
        parts=len(parts),
    )
    return _Object(info, content, tuple(part.info for part in parts))
