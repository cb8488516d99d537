"""Appends: a flush joins an object with all that was appended.

The pieces are the parts of an upload that no listing shows. The first append creates it, and copies
the object so far into its first part. Each append answers a handle: the upload's id, which cannot
be guessed, and the number of the next part. So a handle means what was appended until then: a
client that repeats an append, because it did not receive the answer, does not append twice, and a
handle that was used for other bytes already is refused. A handle is valid for one object only, and
its user needs the right to append as well.

A flush replaces the very object that the first append found, or creates it if there was not one; it
fails if another client has written one meanwhile, so nothing of either is lost. Appends that are
never flushed are removed after a day: see `cluster.abandoned`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from s3gw.access import Access
from s3gw.config.bucket_properties import ETAG_CHECKSUM
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.objects.checksums import TYPE_HEADER, VALUE_HEADER, read_promise
from s3gw.native.objects.object_headers import written_headers
from s3gw.native.objects.parts import KEPT, assemble, write_part
from s3gw.native.operation import header, operation, query
from s3gw.objects.assembly import MAX_OBJECT_BYTES, kept_algorithm
from s3gw.objects.checksums import Payload, Promises
from s3gw.objects.service import UploadRequest, body_of
from s3gw.s3.encryption_headers import check_part, customer_key, read_encryption
from s3gw.s3.headers import read_attributes
from storage.digits import read_digits
from storage.errors import ObjectNotFound, PreconditionFailed, UploadNotFound
from storage.values import (
    MAX_PARTS,
    BodyDigest,
    Condition,
    PartInfo,
    Reading,
    ReadOptions,
    Sealed,
    UploadInfo,
)

HANDLE = "Ais-Append-Handle"


class Handle(Struct, frozen=True):
    """`number` is that of the next part."""

    upload_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.upload_id}.{self.number}"


def read_handle(text: str) -> Handle:
    """Parse a handle. Raise 400."""
    upload_id, _, number = text.rpartition(".")
    position = read_digits(number)
    if not upload_id or position is None:
        raise NativeError(400, "invalid append handle")
    return Handle(upload_id, position)


@operation(
    "PUT",
    "objects/{bucket}/{object}",
    needs=("append_type",),
    unless="uploadId",
    access=Access.APPEND,
    known_as="PutObject",
)
class AppendObject:
    """A checksum is of the body; in a flush without a body it is of the whole object."""

    append_type: str = query("append_type")
    append_handle: str = query("append_handle", default="")
    upload_id: str = query("uploadId", default="")
    checksum_type: str = header(TYPE_HEADER, default="")
    checksum: str = header(VALUE_HEADER, default="")

    async def run(self, call: NativeCall) -> Reply:
        promises = read_promise(self.checksum_type, self.checksum)
        if self.append_type == "append":
            return Reply(headers={HANDLE: str(await self._append(call, promises))})
        if self.append_type == "flush":
            return await self._flush(call, promises)
        raise NativeError(
            400, f'invalid append_type {self.append_type[:32]!r}: it is "append" or "flush"'
        )

    async def _append(self, call: NativeCall, promises: Promises) -> Handle:
        if not self.append_handle:
            return await _begin(call, promises)
        handle = read_handle(self.append_handle)
        upload = await _find(call, handle)
        return await _add(call, upload, handle, promises) if _has_body(call) else handle

    async def _flush(self, call: NativeCall, promises: Promises) -> Reply:
        if not self.append_handle:
            raise NativeError(400, "nothing to flush: the append handle is empty")
        handle = read_handle(self.append_handle)
        if _has_body(call):
            handle = await _add(call, await _find(call, handle), handle, promises)
            promises = Promises()
        return await _finish(call, handle, promises)


def _has_body(call: NativeCall) -> bool:
    return bool(call.decoded_length) or "transfer-encoding" in call.headers


async def _begin(call: NativeCall, promises: Promises) -> Handle:
    """Begin an upload with its first parts; a failure on the way removes it again."""
    reading = await _existing(call)
    try:
        upload = await _make(call, reading)
        try:
            handle = await _take_over(call, upload, reading)
            return await _add(call, upload, handle, promises)
        except BaseException:
            await call.store.abort_upload(call.bucket, call.key, upload.id)
            raise
    finally:
        if reading is not None and not isinstance(reading.body, bytes):
            await reading.body.aclose()


async def _existing(call: NativeCall) -> Reading | None:
    try:
        options = ReadOptions(unlock=call.objects.encryption.unlock(customer_key(call)))
        return await call.store.get_object(call.bucket, call.key, options)
    except ObjectNotFound:
        return None


async def _make(call: NativeCall, reading: Reading | None) -> UploadInfo:
    """Create the upload with the object's attributes and owner; but it is locked as a new
    object."""
    encryption, given = read_encryption(call), read_attributes(call)
    attributes = given
    if reading is not None:
        attributes = msgspec.structs.replace(reading.info.attributes, lock=given.lock)
    request = UploadRequest(
        attributes,
        encryption,
        kept_checksum=KEPT,
        append=True,
        continues=reading.info.etag if reading is not None else "",
    )
    return await call.objects.create_upload(call.context, call.bucket_info, call.key, request)


async def _take_over(call: NativeCall, upload: UploadInfo, reading: Reading | None) -> Handle:
    """Write the object so far as the first part."""
    if reading is None or not reading.info.size:
        return Handle(upload.id, 1)
    check_part(call, upload)
    await call.objects.write_part(
        call.bucket_info,
        upload,
        1,
        body_of(reading),
        Payload(keep=kept_algorithm(upload), limit=MAX_OBJECT_BYTES, etag=ETAG_CHECKSUM),
        customer_key=customer_key(call),
    )
    return Handle(upload.id, 2)


async def _find(call: NativeCall, handle: Handle) -> UploadInfo:
    """Return the upload of the handle. Raise `UploadNotFound`."""
    upload = await call.store.head_upload(call.bucket, call.key, handle.upload_id)
    if not upload.is_append:
        raise UploadNotFound(upload.id)
    return upload


async def _add(call: NativeCall, upload: UploadInfo, handle: Handle, promises: Promises) -> Handle:
    """Write the body as the next part. Raise 400 for too many pieces, and 409 for a handle that was
    used for other bytes before."""
    number = handle.number
    if not 1 <= number <= MAX_PARTS:
        raise NativeError(400, f"more than {MAX_PARTS} appends: flush what is there first")
    page = await call.store.list_parts(call.bucket, call.key, upload.id, after=number - 1, limit=1)
    old = page.parts[0].etag if page.parts and page.parts[0].number == number else ""
    await write_part(call, upload, number, promises, watched=lambda digest: _Same(digest, old))
    return Handle(upload.id, number + 1)


class _Same:
    """A digest of bytes that must be those with the ETag `old`, unless that is empty."""

    def __init__(self, plain: BodyDigest, old: str) -> None:
        self._plain = plain
        self._old = old
        self.update = plain.update

    def seal(self) -> Sealed:
        sealed = self._plain.seal()
        if self._old not in ("", sealed.etag):
            message = "this append handle was used before: use the one in the last response"
            raise NativeError(409, message)
        return sealed


async def _finish(call: NativeCall, handle: Handle, promises: Promises) -> Reply:
    numbers = range(1, handle.number)
    if not numbers or len(numbers) > MAX_PARTS:
        raise NativeError(400, "invalid append handle")

    def check(upload: UploadInfo, parts: Sequence[PartInfo], whole: Sealed) -> None:
        if not upload.is_append:
            raise UploadNotFound(upload.id)
        _keep_promise(promises, whole)

    try:
        condition = await _unchanged(call, handle)
        info = await assemble(call, handle.upload_id, numbers, condition, check)
    except (ObjectNotFound, PreconditionFailed):
        message = f"{call.bck.cname(call.key)} was written by others since the first append"
        raise NativeError(409, message) from None
    return Reply(headers=written_headers(call, info))


async def _unchanged(call: NativeCall, handle: Handle) -> Condition:
    """Return the condition that the object is the one that the first append found."""
    try:
        upload = await _find(call, handle)
    except UploadNotFound:
        # Perhaps flushed before: the store finds out.
        return Condition()
    if upload.continues:
        return Condition(if_match=(upload.continues,))
    return Condition(if_none_match=("*",))


def _keep_promise(promises: Promises, whole: Sealed) -> None:
    """Raise 400 if the whole has another checksum, and 501 for a type that was not kept."""
    if promises.algorithm is None:
        return
    kept = whole.checksum
    if kept is None or kept.algorithm != promises.algorithm.name:
        raise unsupported(f"verifying a {promises.algorithm.name} of what was appended: crc32c is")
    if kept.value != promises.checksum:
        raise NativeError(400, "the checksum of what was appended does not match", Tcode.CHECKSUM)
