"""Writing of archives: new ones, and existing ones with more members.

An archive becomes visible when it is complete. When members are appended, the archive they continue
must still be there at the end: the second of two writers gets `ObjectChanged`, and the first one's
members stay. The archive's content headers, metadata, tags and encryption stay as they were.
"""

from __future__ import annotations

from contextlib import aclosing
from enum import Enum

import msgspec
from msgspec import Struct

from s3gw.objects.checksums import Algorithm, Payload
from s3gw.objects.context import Context
from s3gw.objects.encryption import (
    BUCKET_DEFAULT,
    SSE_C,
    EncryptionRequest,
    as_before,
    is_encrypted,
)
from s3gw.objects.service import ObjectService, WriteOptions
from s3gw.wire.errors import Code, S3Error
from storage.archives import Additions, ArchiveFormat, Shard, archive_of, format_of_name
from storage.conditions import check_write
from storage.errors import ObjectChanged, ObjectNotFound, PreconditionFailed
from storage.values import (
    ALWAYS,
    Attributes,
    BucketInfo,
    Condition,
    Encryption,
    ObjectInfo,
    ReadOptions,
    Unlock,
)

# As many bytes as S3's largest object, which no single upload has.
MAX_ARCHIVE_BYTES = 5 << 40
_NOTHING_THERE = Condition(if_none_match=("*",))


class Mode(Enum):
    """What to do with an existing archive: replace it; append to it, and fail without one; append
    to it, or write a new one."""

    NEW = "new"
    APPEND = "append"
    APPEND_OR_NEW = "append or new"


class ArchiveOrder(Struct, frozen=True):
    """How to write an archive. Without a `kind` the key decides, or the bytes of the existing
    archive, opened with `unlock`; `condition` is on the object that is replaced; `keep` and `etag`
    are those of the archive's `Payload`."""

    mode: Mode
    attributes: Attributes
    unlock: Unlock
    kind: ArchiveFormat | None = None
    condition: Condition = ALWAYS
    keep: Algorithm | None = None
    encryption: EncryptionRequest = BUCKET_DEFAULT
    etag: str = ""


async def write_archive(
    objects: ObjectService,
    context: Context,
    bucket: BucketInfo,
    key: str,
    order: ArchiveOrder,
    additions: Additions,
) -> ObjectInfo:
    """Write the archive. Raise what the additions do, `ObjectNotFound` if there is nothing to
    append to, `ObjectChanged` if another writer was faster, and what `ObjectService.write` does."""
    prior = await _prior(objects, bucket, key, order)
    kind = prior.format if prior else _kind(key, order)
    before = prior.info.attributes if prior else None
    options = WriteOptions(
        attributes=_attributes(order.attributes, before, kind),
        payload=Payload(keep=order.keep, limit=MAX_ARCHIVE_BYTES, etag=order.etag),
        condition=_condition(order, prior),
        encryption=_encryption(bucket, order, before.encryption if before else None),
    )
    async with aclosing(archive_of(kind, additions, prior)) as body:
        try:
            return await objects.write(context, bucket, key, body, options)
        except (PreconditionFailed, ObjectNotFound):
            if order.mode is Mode.NEW:
                raise
            raise ObjectChanged(key) from None


async def _prior(
    objects: ObjectService, bucket: BucketInfo, key: str, order: ArchiveOrder
) -> Shard | None:
    if order.mode is Mode.NEW:
        return None
    options = ReadOptions(unlock=order.unlock)
    try:
        shard = await objects.archives.open(objects.store, bucket.name, key, options, order.kind)
    except ObjectNotFound:
        check_write(order.condition, key, None)
        if order.mode is Mode.APPEND:
            raise
        return None
    check_write(order.condition, key, shard.info)
    return shard


def _condition(order: ArchiveOrder, prior: Shard | None) -> Condition:
    """Return the condition that the object is still as it was found."""
    if order.mode is Mode.NEW:
        return order.condition
    return Condition(if_match=(prior.info.etag,)) if prior else _NOTHING_THERE


def _kind(key: str, order: ArchiveOrder) -> ArchiveFormat:
    kind = order.kind or format_of_name(key)
    if kind is None:
        message = "The key's extension is not that of an archive: name the format with archmime."
        raise S3Error(Code.InvalidArgument, message, ArgumentName="archmime")
    return kind


def _encryption(
    bucket: BucketInfo, order: ArchiveOrder, before: Encryption | None
) -> EncryptionRequest:
    """Return the encryption of the request or the bucket; without either, the archive's own."""
    if before is None or before.scheme == SSE_C or is_encrypted(bucket, order.encryption):
        return order.encryption
    return as_before(before)


def _attributes(given: Attributes, before: Attributes | None, kind: ArchiveFormat) -> Attributes:
    if before is None:
        headers = given.headers | {"content-type": kind.content_type}
        return msgspec.structs.replace(given, headers=headers)
    return msgspec.structs.replace(
        given,
        headers=before.headers,
        custom=before.custom,
        tags=before.tags,
        storage_class=before.storage_class,
        acl=before.acl if before.owner == given.owner else given.acl,
    )
