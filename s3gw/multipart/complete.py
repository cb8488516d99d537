"""CompleteMultipartUpload: assembling the object in one step, without moving a byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.assembly import sealed
from s3gw.objects.checksums import ALGORITHMS, PREFIX
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import check_completion, encryption_headers
from s3gw.s3.expiration import expiration_headers
from s3gw.s3.headers import quoted, read_write_condition, unquoted, written_version_header
from s3gw.s3.routing import body, header, operation, path, query
from s3gw.s3.shared_elements import ObjectChecksums, PartChecksums, object_checksum
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.errors import PartNotFound
from storage.values import (
    MAX_PARTS,
    Checksum,
    CompleteOptions,
    PartInfo,
    Sealed,
    UploadInfo,
)

MIN_PART_BYTES = 5 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedPart(PartChecksums):
    etag: str
    part_number: int


@document("CompleteMultipartUpload", elements=130_000)
@dataclass(frozen=True, slots=True)
class CompletedMultipartUpload:
    parts: tuple[CompletedPart, ...] = named("Part")


@document("CompleteMultipartUploadResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteMultipartUploadResult(ObjectChecksums):
    location: str
    bucket: str
    key: str
    etag: str


@operation("POST", Level.OBJECT, needs=("uploadId",), access=Access.PUT)
class CompleteMultipartUpload:
    bucket: str = path("Bucket")
    key: str = path("Key")
    upload_id: str = query("uploadId")
    checksum_type: str | None = header("x-amz-checksum-type", default=None)
    object_size: int | None = header("x-amz-mp-object-size", default=None)
    upload: CompletedMultipartUpload | None = body(checksum_of="object")

    async def run(self, call: Call) -> Reply:
        parts = self.upload.parts if self.upload else ()
        check_order(parts, self.upload_id)
        expected = Expectations(
            parts=parts,
            checksum_type=self.checksum_type and self.checksum_type.upper(),
            object_size=self.object_size,
            checksums=_promised(call),
            check_upload=partial(check_completion, call),
        )
        options = CompleteOptions(
            numbers=tuple(part.part_number for part in parts),
            assemble=expected.assemble,
            condition=read_write_condition(call.headers),
        )
        try:
            info = await call.objects.complete_upload(
                call.context, call.bucket_info, self.key, self.upload_id, options
            )
        except PartNotFound as error:
            raise _invalid_part(error.number, self.upload_id) from error
        result = CompleteMultipartUploadResult(
            location=_location(call),
            bucket=self.bucket,
            key=self.key,
            etag=quoted(info.etag),
            **object_checksum(info.checksum),
        )
        headers = encryption_headers(info.attributes.encryption) | written_version_header(info)
        headers |= expiration_headers(call, info)
        return xml_reply(result, headers=headers)


@dataclass(frozen=True, slots=True)
class Expectations:
    """The client's expectations of the upload; `assemble` compares them with the parts."""

    parts: tuple[CompletedPart, ...]
    checksum_type: str | None = None
    object_size: int | None = None
    checksums: tuple[tuple[str, str], ...] = ()
    check_upload: Callable[[UploadInfo], None] = lambda upload: None

    def assemble(self, upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
        """Return the object of the parts; pure. Raise `InvalidPart`, `EntityTooSmall`,
        `InvalidRequest`, `BadDigest`."""
        self.check_upload(upload)
        for asked, part in zip(self.parts, parts, strict=True):
            _check_part(upload, asked, part)
        _check_sizes(parts)
        whole = sealed(upload, parts)
        size = sum(part.size for part in parts)
        if self.object_size not in (None, size):
            message = f"The provided 'x-amz-mp-object-size' does not match the size {size}."
            raise S3Error(Code.InvalidRequest, message)
        if whole.checksum is not None:
            self._check_checksum(whole.checksum)
        return whole

    def _check_checksum(self, checksum: Checksum) -> None:
        if self.checksum_type not in (None, checksum.type.value):
            message = (
                "The upload was created using the "
                f"{checksum.type.value} checksum mode. The complete request must use the same."
            )
            raise S3Error(Code.InvalidRequest, message)
        for algorithm, value in self.checksums:
            # Composite values come with or without their `-N`.
            if algorithm == checksum.algorithm and value not in (
                checksum.value,
                checksum.value.partition("-")[0],
            ):
                message = f"The {algorithm} you specified did not match the calculated checksum."
                raise S3Error(Code.BadDigest, message)


def check_order(parts: tuple[CompletedPart, ...], upload_id: str) -> None:
    """Raise `MalformedXML` for no parts or too many, `InvalidPartOrder` unless numbers ascend, and
    `InvalidPart` for numbers that no part can have."""
    if not 0 < len(parts) <= MAX_PARTS:
        raise S3Error(Code.MalformedXML)
    for part in parts:
        if not 1 <= part.part_number <= MAX_PARTS:
            raise _invalid_part(part.part_number, upload_id)
    if any(a.part_number >= b.part_number for a, b in pairwise(parts)):
        raise S3Error(Code.InvalidPartOrder)


def _check_part(upload: UploadInfo, asked: CompletedPart, part: PartInfo) -> None:
    kept = part.checksum
    claimed = getattr(asked, f"checksum_{kept.algorithm.lower()}") if kept else None
    if unquoted(asked.etag) != part.etag or claimed not in (None, kept and kept.value):
        raise _invalid_part(part.number, upload.id)


def _check_sizes(parts: Sequence[PartInfo]) -> None:
    for part in parts[:-1]:
        if part.size < MIN_PART_BYTES:
            raise S3Error(
                Code.EntityTooSmall,
                ProposedSize=str(part.size),
                MinSizeAllowed=str(MIN_PART_BYTES),
                PartNumber=str(part.number),
                ETag=part.etag,
            )


def _invalid_part(number: int, upload_id: str) -> S3Error:
    return S3Error(Code.InvalidPart, UploadId=upload_id, PartNumber=str(number))


def _promised(call: Call) -> tuple[tuple[str, str], ...]:
    """Return the object's checksums, from headers that elsewhere are of the request's body."""
    names = ((a.name, call.headers.get(PREFIX + a.name.lower())) for a in ALGORITHMS.values())
    return tuple((name, value) for name, value in names if value is not None)


def _location(call: Call) -> str:
    host = call.headers.get("host", "")
    return f"{call.scheme}://{host}{call.raw_path.decode('latin-1')}"
