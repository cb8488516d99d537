"""Writing archives: new ones, and the same ones with more members.

Nothing is there before all of it is. What an archive is written on from must still be there at the
end: who comes second in a race learns it as `ObjectChanged`, and nothing of the first one's is
lost. What was said of the archive (content headers, metadata, tags, encryption) stays.
"""

from __future__ import annotations

import base64
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum

import msgspec

from s3gw.http.request import Call
from s3gw.objects.checksums import Algorithm, PayloadDigest, Promises
from s3gw.objects.chunk_sizes import chunking_of
from s3gw.objects.sealing import Sealing, sealing_for, unlock_for
from s3gw.s3.encryption_headers import CONTEXT, HEADER, KEY_ID, KMS, SSE_C
from s3gw.s3.headers import read_attributes
from s3gw.wire.errors import Code, S3Error
from storage.archives import Additions, ArchiveFormat, Shard, archive_of, format_of_name
from storage.conditions import check_write
from storage.errors import ObjectChanged, ObjectNotFound, PreconditionFailed
from storage.values import (
    ALWAYS,
    Attributes,
    Condition,
    Encryption,
    ObjectInfo,
    PutOptions,
    ReadOptions,
)

# As many bytes as S3's largest object, which no single upload has.
MAX_ARCHIVE_BYTES = 5 << 40
_NOTHING_THERE = Condition(if_none_match=("*",))


class Mode(Enum):
    """What is done about an archive that is there, and about none: a new one takes its place, it is
    appended to and must be there, or it is appended to or made."""

    NEW = "new"
    APPEND = "append"
    APPEND_OR_NEW = "append or new"


@dataclass(frozen=True, slots=True)
class ArchiveOrder:
    """How to write the archive that the call names. `kind` None is told by the key, or by the bytes
    of the one that is there; `condition` is of the object that is replaced; `keep` is the checksum
    that is kept of it."""

    mode: Mode
    kind: ArchiveFormat | None = None
    condition: Condition = ALWAYS
    keep: Algorithm | None = None


async def write_archive(call: Call, order: ArchiveOrder, additions: Additions) -> ObjectInfo:
    """Raises what the additions do, `ObjectNotFound` when there is nothing to append to,
    `ObjectChanged` when another one was faster, and what `put_object` does."""
    prior = await _prior(call, order)
    kind = prior.format if prior else _kind(call, order)
    before = prior.info.attributes if prior else None
    sealing = await _sealing(call, before.encryption if before else None)
    digest = PayloadDigest(Promises(), {}, order.keep, limit=MAX_ARCHIVE_BYTES)
    options = PutOptions(
        digest=sealing.digest(digest),
        attributes=sealing.mark(_attributes(call, before, kind)),
        condition=_condition(order, prior),
        data_key=sealing.data_key,
        chunks=chunking_of(call.bucket_facts),
    )
    async with aclosing(archive_of(kind, additions, prior)) as body:
        try:
            return await call.store.put_object(call.bucket, call.key, body, options)
        except (PreconditionFailed, ObjectNotFound):
            if order.mode is Mode.NEW:
                raise
            raise ObjectChanged(call.key) from None


async def _prior(call: Call, order: ArchiveOrder) -> Shard | None:
    if order.mode is Mode.NEW:
        return None
    archives, unlock = call.services.archives, ReadOptions(unlock=unlock_for(call))
    try:
        shard = await archives.open(call.store, call.bucket, call.key, unlock, order.kind)
    except ObjectNotFound:
        check_write(order.condition, call.key, None)
        if order.mode is Mode.APPEND:
            raise
        return None
    check_write(order.condition, call.key, shard.info)
    return shard


def _condition(order: ArchiveOrder, prior: Shard | None) -> Condition:
    """The object must be as it was found."""
    if order.mode is Mode.NEW:
        return order.condition
    return Condition(if_match=(prior.info.etag,)) if prior else _NOTHING_THERE


def _kind(call: Call, order: ArchiveOrder) -> ArchiveFormat:
    kind = order.kind or format_of_name(call.key)
    if kind is None:
        message = "The key does not tell the archive's format: name one with archmime."
        raise S3Error(Code.InvalidArgument, message, ArgumentName="archmime")
    return kind


async def _sealing(call: Call, before: Encryption | None) -> Sealing:
    """As the request or the bucket says; where they say nothing, as it was."""
    sealing = await sealing_for(call)
    if sealing.record is not None or before is None or before.scheme == SSE_C:
        return sealing
    headers = {HEADER: before.scheme}
    if before.scheme == KMS:
        headers[KEY_ID] = before.key_id
        if before.context:
            headers[CONTEXT] = base64.b64encode(before.context.encode()).decode()
    call.headers = {**call.headers, **headers}
    return await sealing_for(call)


def _attributes(call: Call, before: Attributes | None, kind: ArchiveFormat) -> Attributes:
    given = read_attributes(call)
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
