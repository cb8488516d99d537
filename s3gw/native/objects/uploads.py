"""Multipart uploads by the native API: the same uploads that S3 knows.

`mpt-upload` begins one and answers the bare id, PUTs of parts fill it, and `mpt-complete` or
`mpt-abort` ends it. The object has all parts that were sent, in the order of their numbers: these
must be 1, 2, 3 and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec import Struct, field

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.objects.checksums import TYPE_HEADER, VALUE_HEADER, read_promise
from s3gw.native.objects.custom import read_custom_header, with_custom
from s3gw.native.objects.object_headers import CUSTOM_HEADER, written_headers
from s3gw.native.objects.parts import KEPT, Check, all_parts, assemble, write_part
from s3gw.native.operation import header, operation, query, value
from s3gw.objects.service import UploadRequest
from s3gw.s3.encryption_headers import read_encryption
from s3gw.s3.headers import quoted, read_attributes, read_write_condition, unquoted
from storage.digits import read_digits
from storage.errors import UploadNotFound
from storage.values import MAX_PARTS, PartInfo, Sealed, UploadInfo

_PATH = "objects/{bucket}/{object}"


class CompletedPart(Struct, frozen=True):
    """`etag` is empty if any will do."""

    number: int = field(name="part-number", default=0)
    etag: str = ""


@operation("POST", _PATH, action="mpt-upload", access=Access.PUT, known_as="CreateMultipartUpload")
class CreateMultipartUpload:
    custom: str = header(CUSTOM_HEADER, default="")

    async def run(self, call: NativeCall) -> Reply:
        encryption = read_encryption(call)
        attributes = with_custom(read_attributes(call), read_custom_header(self.custom))
        request = UploadRequest(attributes, encryption, kept_checksum=KEPT)
        upload = await call.objects.create_upload(call.context, call.bucket_info, call.key, request)
        return text_reply(upload.id)


@operation("PUT", _PATH, needs=("uploadId",), access=Access.PUT, known_as="UploadPart")
class UploadPart:
    """An `append_type` beside the upload's id is ignored."""

    upload_id: str = query("uploadId")
    number: str = query("partNumber", default="")
    append_type: str = query("append_type", default="")
    append_handle: str = query("append_handle", default="")
    checksum_type: str = header(TYPE_HEADER, default="")
    checksum: str = header(VALUE_HEADER, default="")

    async def run(self, call: NativeCall) -> Reply:
        number = read_part_number(self.number)
        promises = read_promise(self.checksum_type, self.checksum)
        upload = await call.store.head_upload(call.bucket, call.key, self.upload_id)
        if upload.is_append:
            raise UploadNotFound(upload.id)
        part = await write_part(call, upload, number, promises, body=_some(call))
        return Reply(headers={"ETag": quoted(part.etag)})


@operation(
    "POST",
    _PATH,
    action="mpt-complete",
    needs=("uploadId",),
    access=Access.PUT,
    known_as="CompleteMultipartUpload",
)
class CompleteMultipartUpload:
    """Completing twice is an error, as in AIStore: the upload is not there any more."""

    upload_id: str = query("uploadId")
    parts: list[CompletedPart] | None = value(default=None)

    async def run(self, call: NativeCall) -> Reply:
        asked = sorted(self.parts or (), key=lambda part: part.number)
        numbers = [part.number for part in asked]
        _check_complete(numbers, await all_parts(call, self.upload_id))
        condition = read_write_condition(call.headers)
        check = _check_etags({part.number: unquoted(part.etag) for part in asked})
        info = await assemble(call, self.upload_id, numbers, condition, check)
        return Reply(headers=written_headers(call, info))


@operation(
    "DELETE",
    _PATH,
    action="mpt-abort",
    needs=("uploadId",),
    access=Access.PUT,
    known_as="AbortMultipartUpload",
)
class AbortMultipartUpload:
    upload_id: str = query("uploadId")

    @property
    def s3_query(self) -> Mapping[str, str]:
        """Return the query as S3's policies see it: the initiator of an upload may abort it."""
        return {"uploadId": self.upload_id}

    async def run(self, call: NativeCall) -> Reply:
        await call.store.abort_upload(call.bucket, call.key, self.upload_id)
        return Reply()


def read_part_number(text: str) -> int:
    """Parse a part number. Raise 400."""
    number = read_digits(text) or 0
    if not 1 <= number <= MAX_PARTS:
        raise NativeError(
            400,
            f"invalid part number {text[:32]!r}: it must be a positive integer up to {MAX_PARTS}",
        )
    return number


async def _some(call: NativeCall) -> AsyncIterator[bytes]:
    """Yield the body; raise for an empty one."""
    size = 0
    async for chunk in call.body:
        size += len(chunk)
        yield chunk
    if not size:
        raise NativeError(400, f"{call.bck.cname(call.key)}: a part with an invalid size (0)")


def _check_complete(numbers: Sequence[int], there: Sequence[PartInfo]) -> None:
    """Raise 400 unless the numbers are those of all parts, each once, from 1 on."""
    if not there:
        raise NativeError(400, "the upload has no chunks")
    repeated = [number for number, count in Counter(numbers).items() if count > 1]
    if repeated:
        twice = f"part {repeated[0]} is named twice: a duplicate part number"
        raise NativeError(400, f"{twice}; partial completion is not allowed")
    missing = {part.number for part in there}.difference(numbers)
    if missing or len(numbers) != len(there):
        raise NativeError(
            400,
            f"partial completion is not allowed: requested {len(numbers)} parts, have {len(there)}",
        )
    if numbers[-1] != len(numbers):
        raise NativeError(400, f"the parts must be 1 to {len(numbers)}, got {numbers[-1]}")


def _check_etags(etags: Mapping[int, str]) -> Check:
    def check(upload: UploadInfo, parts: Sequence[PartInfo], whole: Sealed) -> None:
        if upload.is_append:
            raise UploadNotFound(upload.id)
        for part in parts:
            if etags.get(part.number, "") not in ("", part.etag):
                raise NativeError(400, f"part {part.number} has another ETag")

    return check
