"""Parts: bytes from the client, or from another object."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.assembly import kept_algorithm
from s3gw.objects.checksums import Payload, Promises
from s3gw.objects.service import body_of
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import read_payload, read_promises
from s3gw.s3.copy_source import CopySource, open_source, read_copy_source
from s3gw.s3.encryption_headers import check_part, customer_key, encryption_headers
from s3gw.s3.headers import quoted, refuse_acl, refuse_unsupported, source_version_header
from s3gw.s3.routing import header, operation, path, query
from s3gw.s3.shared_elements import PartChecksums, part_checksum
from s3gw.s3.slow_reply import SLOW_BYTES, slow_reply
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import TimeNs, document
from storage.digits import read_digits
from storage.errors import RangeNotSatisfiable
from storage.ranges import Between
from storage.values import MAX_PARTS, Reading, UploadInfo


def check_part_number(number: int) -> None:
    if not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise S3Error(
            Code.InvalidArgument, message, ArgumentName="partNumber", ArgumentValue=str(number)
        )


@operation("PUT", Level.OBJECT, needs=("partNumber", "uploadId"), access=Access.PUT)
class UploadPart:
    bucket: str = path("Bucket")
    key: str = path("Key")
    part_number: int = query("partNumber")
    upload_id: str = query("uploadId")

    async def run(self, call: Call) -> Reply:
        check_part_number(self.part_number)
        refuse_unsupported(call)
        refuse_acl(call)
        upload = await call.store.head_upload(self.bucket, self.key, self.upload_id)
        check_part(call, upload)
        promises = read_promises(call)
        _check_algorithm(upload, promises)
        payload = read_payload(call, kept_algorithm(upload), promises)
        try:
            part = await call.objects.write_part(
                call.bucket_info,
                upload,
                self.part_number,
                call.body,
                payload,
                customer_key=customer_key(call),
            )
        except S3Error as error:
            raise _in_base64(error, promises) from None
        headers = encryption_headers(upload.attributes.encryption)
        # The checksum that was sent, not the one that is kept where the upload did not name any.
        if (sent := promises.algorithm) is not None:
            headers[sent.header] = promises.checksum or call.trailers.get(sent.header, "").strip()
        return Reply(headers={"ETag": quoted(part.etag), **headers})


def _in_base64(error: S3Error, promises: Promises) -> S3Error:
    """Return the error with the promised MD5 as it was sent: here AWS does not write it in
    hexadecimal, as elsewhere."""
    if error.code is Code.BadDigest and promises.md5 and "ExpectedDigest" in error.details:
        sent = base64.b64encode(promises.md5).decode()
        error.details = {**error.details, "ExpectedDigest": sent}
    return error


def _check_algorithm(upload: UploadInfo, promises: Promises) -> None:
    """Raise for another checksum than the upload's, or without any, if the upload named one."""
    sent = promises.algorithm.name if promises.algorithm else "null"
    if upload.checksum_algorithm not in ("", sent):
        message = (
            "Checksum Type mismatch occurred, expected checksum Type: "
            f"{upload.checksum_algorithm.lower()}, actual checksum Type: {sent.lower()}"
        )
        raise S3Error(Code.InvalidRequest, message)


@document("CopyPartResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPartResult(PartChecksums):
    etag: str
    last_modified: TimeNs


@operation(
    "PUT",
    Level.OBJECT,
    needs=("partNumber", "uploadId"),
    source="x-amz-copy-source",
    access=Access.PUT,
)
class UploadPartCopy:
    bucket: str = path("Bucket")
    key: str = path("Key")
    part_number: int = query("partNumber")
    upload_id: str = query("uploadId")
    copy_source: str = header("x-amz-copy-source")
    copy_source_range: str | None = header("x-amz-copy-source-range", default=None)

    async def run(self, call: Call) -> Reply:
        check_part_number(self.part_number)
        refuse_unsupported(call)
        refuse_acl(call)
        want = read_source_range(self.copy_source_range)
        upload = await call.store.head_upload(self.bucket, self.key, self.upload_id)
        source = read_copy_source(self.copy_source)
        check_part(call, upload)
        headers = encryption_headers(upload.attributes.encryption)
        async with self._open(call, source, want) as reading:
            headers |= source_version_header(reading.info)
            if len(reading.span) <= SLOW_BYTES:
                return xml_reply(await self._copy(call, upload, reading), headers=headers)
        return slow_reply(call, lambda: self._copy_anew(call, upload, source, want), headers)

    @asynccontextmanager
    async def _open(
        self, call: Call, source: CopySource, want: Between | None
    ) -> AsyncIterator[Reading]:
        try:
            async with open_source(call, source, want) as reading:
                if want is not None and want.stop > reading.info.size:
                    size = reading.info.size
                    raise S3Error(
                        Code.InvalidArgument,
                        f"Range specified is not valid for source object of size: {size}",
                        ArgumentName="x-amz-copy-source-range",
                        ArgumentValue=self.copy_source_range or "",
                    )
                yield reading
        except RangeNotSatisfiable as error:
            message = "The specified copy range is invalid for the source object size"
            raise S3Error(Code.InvalidRequest, message) from error

    async def _copy_anew(
        self, call: Call, upload: UploadInfo, source: CopySource, want: Between | None
    ) -> CopyPartResult:
        async with self._open(call, source, want) as reading:
            return await self._copy(call, upload, reading)

    async def _copy(self, call: Call, upload: UploadInfo, reading: Reading) -> CopyPartResult:
        part = await call.objects.write_part(
            call.bucket_info,
            upload,
            self.part_number,
            body_of(reading),
            Payload(keep=kept_algorithm(upload)),
            customer_key=customer_key(call),
        )
        return CopyPartResult(
            etag=quoted(part.etag),
            last_modified=TimeNs(part.modified_ns),
            **(part_checksum(part.checksum) if upload.checksum_algorithm else {}),
        )


def read_source_range(text: str | None) -> Between | None:
    """Parse `bytes=first-last`, both ends given; a copy does not ignore an unreadable range."""
    if text is None:
        return None
    first, _, last = text.removeprefix("bytes=").partition("-")
    start, end = read_digits(first), read_digits(last)
    if text.startswith("bytes=") and start is not None and end is not None and start <= end:
        return Between(start, end + 1)
    message = (
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and "
        "last are the zero-based offsets of the first and last bytes to copy"
    )
    raise S3Error(
        Code.InvalidArgument, message, ArgumentName="x-amz-copy-source-range", ArgumentValue=text
    )
