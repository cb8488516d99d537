"""Object service: the one place that changes objects.

Every front end and every job uses it. Each method does a whole change: it encrypts as the request
or the bucket says, digests, chunks, commits, and announces the event, on behalf of a `Context`. It
knows no HTTP: callers parse their requests into its options, render what it returns, and check the
rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from s3gw.events.events import EventName, ObjectEvent, changed, created, removed
from s3gw.events.notifier import Announcer
from s3gw.events.rules import is_notifying
from s3gw.objects.bucket_chunks import chunking_of
from s3gw.objects.checksums import ALGORITHMS, Algorithm, Payload, PayloadDigest
from s3gw.objects.context import Context
from s3gw.objects.encryption import (
    BUCKET_DEFAULT,
    EncryptionRequest,
    Encryptor,
    ReadCustomerKey,
    Sealing,
)
from storage.access_times import AccessTimes, access_times_of
from storage.archives import Archives
from storage.backend import Backend, Change
from storage.errors import StorageError
from storage.values import (
    ALWAYS,
    UPDATE_CURRENT,
    Attributes,
    Body,
    BodyDigest,
    BucketInfo,
    ChecksumType,
    CompleteOptions,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    RenameOptions,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
)


class WriteOptions(Struct, frozen=True):
    """How to write an object. `payload` says what is kept of the body, and what its sender
    promised; `size` is in bytes, None if unknown before the body ends; `event` is the one to
    announce."""

    attributes: Attributes
    payload: Payload
    condition: Condition = ALWAYS
    size: int | None = None
    encryption: EncryptionRequest = BUCKET_DEFAULT
    event: EventName = EventName.CREATED_PUT


class CopyOptions(Struct, frozen=True):
    """How to copy. `algorithm` is the copy's checksum, None for its source's; `condition` is on the
    object that the copy replaces; `body` replaces the source's, and wraps it."""

    attributes: Attributes
    sealing: Sealing
    condition: Condition = ALWAYS
    algorithm: Algorithm | None = None
    body: Body | None = None


class UploadRequest(Struct, frozen=True):
    """How to begin a multipart upload; the fields are those of `UploadOptions`."""

    attributes: Attributes
    encryption: EncryptionRequest = BUCKET_DEFAULT
    checksum_algorithm: str = ""
    checksum_type: ChecksumType = ChecksumType.FULL_OBJECT
    kept_checksum: str = ""
    append: bool = False
    continues: str = ""


@dataclass(frozen=True, slots=True)
class ObjectService:
    """Changes the objects of `store`; raises what the `Backend` does, and `S3Error` for bad keys
    and broken promises."""

    store: Backend
    announcer: Announcer
    encryption: Encryptor = field(default_factory=Encryptor)
    archives: Archives = field(default_factory=Archives)
    access_times: AccessTimes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "access_times", access_times_of(self.store))

    async def write(
        self, context: Context, bucket: BucketInfo, key: str, body: Body, options: WriteOptions
    ) -> ObjectInfo:
        """Write the body as a new object, or as a new version of one."""
        sealing = await self.encryption.seal(bucket, options.encryption)
        put = PutOptions(
            digest=sealing.digest(PayloadDigest(options.payload, bucket)),
            attributes=sealing.mark(options.attributes),
            condition=options.condition,
            size=options.size,
            data_key=sealing.data_key,
            chunks=chunking_of(bucket),
        )
        info = await self.store.put_object(bucket.name, key, body, put)
        await self.announce(context, bucket, [created(options.event, info)])
        return info

    async def copy(
        self, context: Context, bucket: BucketInfo, key: str, source: Reading, options: CopyOptions
    ) -> ObjectInfo:
        """Write the bytes of an open object as another object."""
        sealing = options.sealing
        algorithm = options.algorithm or _algorithm_of(source.info)
        put = PutOptions(
            digest=sealing.digest(PayloadDigest(Payload(keep=algorithm), bucket)),
            attributes=sealing.mark(options.attributes),
            condition=options.condition,
            size=source.info.size,
            data_key=sealing.data_key,
            chunks=chunking_of(bucket),
        )
        body = options.body or body_of(source)
        info = await self.store.put_object(bucket.name, key, body, put)
        await self.announce(context, bucket, [created(EventName.CREATED_COPY, info)])
        return info

    async def copy_in_place(
        self,
        context: Context,
        bucket: BucketInfo,
        key: str,
        attributes: Attributes,
        condition: Condition,
    ) -> ObjectInfo:
        """Replace an object's attributes, as a copy onto itself does. The bytes stay, and so does
        the encryption of whichever bytes it has by now."""
        info = await self.store.update_object(
            bucket.name,
            key,
            lambda old: msgspec.structs.replace(attributes, encryption=old.encryption),
            UpdateOptions(condition, touch=True),
        )
        await self.announce(context, bucket, [created(EventName.CREATED_COPY, info)])
        return info

    async def change_attributes(
        self,
        context: Context,
        bucket: BucketInfo,
        key: str,
        change: Change,
        *,
        event: EventName | None = None,
        options: UpdateOptions = UPDATE_CURRENT,
    ) -> ObjectInfo:
        """Change what is kept of one version besides its bytes. Tags and ACLs have events."""
        info = await self.store.update_object(bucket.name, key, change, options)
        if event is not None:
            await self.announce(context, bucket, [changed(event, info)])
        return info

    async def rename(
        self, context: Context, bucket: BucketInfo, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        """Rename an object, in one step and without moving a byte. In a bucket with versioning the
        version gets the new name, and a delete marker takes its place."""
        info = await self.store.rename_object(bucket.name, source, name, options)
        gone = removed(DeleteRequest(source), Deletion(existed=True))
        await self.announce(context, bucket, [created(EventName.CREATED_COPY, info), gone])
        return info

    async def delete(
        self, context: Context, bucket: BucketInfo, request: DeleteRequest
    ) -> Deletion:
        deletion = await self.store.delete_object(bucket.name, request)
        await self.announce(context, bucket, [removed(request, deletion)])
        return deletion

    async def delete_many(
        self, context: Context, bucket: BucketInfo, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        """Delete each on its own, in their order; return what was done, or why not."""
        done = await self.store.delete_objects(bucket.name, requests)
        await self.announce(
            context,
            bucket,
            (
                removed(request, outcome)
                for request, outcome in zip(requests, done, strict=True)
                if isinstance(outcome, Deletion)
            ),
        )
        return done

    async def create_upload(
        self, context: Context, bucket: BucketInfo, key: str, request: UploadRequest
    ) -> UploadInfo:
        """Begin a multipart upload; it belongs to the caller of the context."""
        sealing = await self.encryption.seal(bucket, request.encryption)
        options = UploadOptions(
            owner=context.requested_by.identity,
            attributes=sealing.mark(request.attributes),
            checksum_algorithm=request.checksum_algorithm,
            checksum_type=request.checksum_type,
            kept_checksum=request.kept_checksum,
            append=request.append,
            continues=request.continues,
        )
        return await self.store.create_upload(bucket.name, key, options)

    async def write_part(
        self,
        bucket: BucketInfo,
        upload: UploadInfo,
        number: int,
        body: Body,
        payload: Payload,
        *,
        customer_key: ReadCustomerKey,
        watch: Callable[[BodyDigest], BodyDigest] = lambda digest: digest,
    ) -> PartInfo:
        """Write one part, encrypted as its upload is; `watch` may wrap the digest."""
        sealing = await self.encryption.seal_part(upload, customer_key)
        digest = watch(sealing.digest(PayloadDigest(payload, bucket)))
        options = PartOptions(digest, sealing.data_key)
        return await self.store.put_part(bucket.name, upload.name, upload.id, number, body, options)

    async def complete_upload(
        self,
        context: Context,
        bucket: BucketInfo,
        key: str,
        upload_id: str,
        options: CompleteOptions,
    ) -> ObjectInfo:
        """Assemble the parts into the object, in one step and without moving a byte."""
        info = await self.store.complete_upload(bucket.name, key, upload_id, options)
        await self.announce(context, bucket, [created(EventName.CREATED_UPLOAD, info)])
        return info

    async def announce(
        self, context: Context, bucket: BucketInfo, events: Iterable[ObjectEvent]
    ) -> None:
        """Announce changes, after they are committed and before they are answered. When this
        returns, no event can get lost any more. Without a rule that wants events, none is read."""
        if is_notifying(bucket):
            await self.announcer.announce(bucket, context.requested_by, events)


def _algorithm_of(info: ObjectInfo) -> Algorithm | None:
    """Return the algorithm of the source's checksum, so that the copy keeps it."""
    return ALGORITHMS[info.checksum.algorithm] if info.checksum else None


async def body_of(reading: Reading) -> Body:
    """Yield an open object's bytes as the body of another one."""
    if isinstance(reading.body, bytes):
        if reading.body:
            yield reading.body
        return
    try:
        async for chunk in reading.body:
            yield chunk
    finally:
        await reading.body.aclose()
