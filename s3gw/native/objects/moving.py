"""Renames and copies of an object, here or into another bucket.

Both are what S3's RenameObject and CopyObject are: the same rights, events, versions, locks and
encryption.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from s3gw.access import Access, authorize, authorize_copied_tags, authorize_key
from s3gw.etl.talk.work import Work
from s3gw.etl.transforming import discard
from s3gw.events.events import EventName
from s3gw.http.reply import Reply
from s3gw.http.request import NO_BUCKET
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, as_native_error
from s3gw.native.etl.enabled import etl_of
from s3gw.native.etl.inline import pipeline_of, work_of
from s3gw.native.jobs.target import read_object_uname
from s3gw.native.names import Bck
from s3gw.native.object_names import key_of
from s3gw.native.objects.object_headers import written_headers
from s3gw.native.operation import operation, query
from s3gw.native.remote_buckets import learn_bucket
from s3gw.objects.attributes import copied_attributes
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import Payload
from s3gw.objects.service import CopyOptions, WriteOptions
from s3gw.s3.encryption_headers import SOURCE_CUSTOMER, customer_key, read_encryption
from s3gw.s3.headers import read_attributes, read_write_condition
from s3gw.wire.errors import S3Error
from storage.errors import ObjectLocked, StorageError
from storage.values import ObjectInfo, Reading, ReadOptions, RenameOptions


@operation(
    "POST",
    "objects/{bucket}/{object}",
    action="rename-obj",
    access=Access.MOVE_OBJECT,
    known_as="DeleteObject",
)
class RenameObject:
    """The message's name is the new one; an object of that name is replaced. A condition is about
    the source."""

    async def run(self, call: NativeCall) -> Reply:
        new = call.message.name
        if not new:
            raise NativeError(400, "the message does not say the object's new name")
        new = key_of(new)
        if new == call.key:
            raise NativeError(400, f"cannot rename {call.bck.cname(new)} to itself")
        await authorize_key(call, "RenameObject", new, Access.MOVE_OBJECT)
        options = RenameOptions(source_condition=read_write_condition(call.headers))
        try:
            await authorize_key(call, "GetObject", call.key, Access.MOVE_OBJECT)
            await authorize_key(call, "DeleteObject", call.key, Access.MOVE_OBJECT)
            info = await call.objects.rename(call.context, call.bucket_info, call.key, new, options)
        except ObjectLocked as error:
            locked = new if str(error) == new else call.key
            raise as_native_error(error, replace(call, key=locked)) from error
        return Reply(headers=written_headers(call, info))


@operation(
    "PUT",
    "objects/{bucket}/{object}",
    needs=("object_to",),
    access=Access.GET,
    known_as="GetObject",
)
class CopyObject:
    """Needs PUT on the copy as well, and the rights to the tags if there are some. A condition is
    about the object that the copy replaces. With `latest-ver` the backend's latest is copied, and
    with `synchronize` too; what is here of the source stays as it is. With `etl_name` the copy is
    what transformers make of the source; it has the metadata and tags of the source."""

    object_to: str = query("object_to")
    synchronize: bool = query("synchronize", default=False)
    latest: bool = query("latest-ver", default=False)
    etl: str = query("etl_name", default="")
    etl_args: str = query("etl_args", default="")
    etl_pipeline: str = query("etl_pipeline", default="")

    async def run(self, call: NativeCall) -> Reply:
        if call.decoded_length or "transfer-encoding" in call.headers:
            raise NativeError(400, "a copy has no body")
        target = await _target(call, *read_object_uname(self.object_to, call))
        unlock = call.objects.encryption.unlock(customer_key(call, SOURCE_CUSTOMER))
        latest = self.latest or self.synchronize
        options = ReadOptions(unlock=unlock, latest=latest, keeps=not latest)
        if names := pipeline_of(self.etl, self.etl_pipeline, self.etl_args):
            work = work_of(call, options, self.etl_args, SOURCE_CUSTOMER)
            info = await _transform(call, target, names, work)
            return Reply(headers=written_headers(target, info))
        reading = await call.store.get_object(call.bucket, call.key, options)
        try:
            with _told_of(target):
                info = await _copy(call, target, reading)
        finally:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
        return Reply(headers=written_headers(target, info))


async def _target(call: NativeCall, bck: Bck, key: str) -> NativeCall:
    """Return the call for the copy. Raise unless the caller may write it."""
    key = key_of(key)
    if (bck, key) == (call.bck, call.key):
        raise NativeError(400, f"cannot copy {bck.cname(key)} onto itself")
    target = replace(call, bck=bck, bucket=bck.stored, key=key, bucket_info=NO_BUCKET)
    target.operation = "CopyObject"
    with _told_of(target):
        if not bck.is_ours:
            await learn_bucket(target)
        await authorize(target, Access.PUT)
    return target


async def _copy(call: NativeCall, target: NativeCall, reading: Reading) -> ObjectInfo:
    source = reading.info.attributes
    if source.tags:
        await authorize_copied_tags(target, call.bucket, call.key)
    options = CopyOptions(
        attributes=copied_attributes(read_attributes(target), source),
        sealing=await call.objects.encryption.seal(target.bucket_info, read_encryption(target)),
        condition=read_write_condition(target.headers),
    )
    return await call.objects.copy(target.context, target.bucket_info, target.key, reading, options)


async def _transform(
    call: NativeCall, target: NativeCall, names: list[str], work: Work
) -> ObjectInfo:
    etl = etl_of(call, "etl_name").transforming
    source = (await call.store.head_object(call.bucket, call.key)).info.attributes
    if source.tags:
        await authorize_copied_tags(target, call.bucket, call.key)
    piece = await etl.transform(names, work, call.bck.cname(call.key))
    given = read_attributes(target)
    options = WriteOptions(
        attributes=replace(given, custom=source.custom, tags=source.tags),
        payload=Payload(keep=kept_in(target.bucket_info), announced=piece.size),
        condition=read_write_condition(target.headers),
        size=piece.size,
        encryption=read_encryption(target),
        event=EventName.CREATED_COPY,
    )
    try:
        with _told_of(target):
            return await call.objects.write(
                target.context, target.bucket_info, target.key, piece.blocks(), options
            )
    finally:
        await discard(piece)


@contextmanager
def _told_of(target: NativeCall) -> Iterator[None]:
    """Name the copy in errors, and not its source."""
    try:
        yield
    except (StorageError, S3Error) as error:
        raise as_native_error(error, target) from error
