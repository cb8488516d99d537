"""CompleteMultipartUpload: assembling the object in one step, without moving a byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from msgspec import Struct

from s3gw.access import Access
from s3gw.http.addresses import object_url
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
    ChecksumType,
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
        try:
            _check_document(self.upload)
            check_order(parts, self.upload_id)
        except S3Error:
            # An upload that does not exist is the first thing that is wrong.
            await call.store.head_upload(self.bucket, self.key, self.upload_id)
            raise
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
            etag = next(part.etag for part in parts if part.part_number == error.number)
            raise _invalid_part(error.number, self.upload_id, etag) from error
        result = CompleteMultipartUploadResult(
            location=object_url(call, call.key),
            bucket=self.bucket,
            key=self.key,
            etag=quoted(info.etag),
            **object_checksum(info.checksum),
        )
        headers = encryption_headers(info.attributes.encryption) | written_version_header(info)
        headers |= expiration_headers(call, info)
        return xml_reply(result, headers=headers)


class Expectations(Struct, frozen=True):
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
        self._check_type(upload)
        for asked, part in zip(self.parts, parts, strict=True):
            _check_part(upload, asked, part)
        _check_sizes(parts)
        whole = sealed(upload, parts)
        size = sum(part.size for part in parts)
        if self.object_size not in (None, size):
            message = (
                f"The provided 'x-amz-mp-object-size' header value {self.object_size} does not "
                f"match what was computed: {size}"
            )
            raise S3Error(Code.InvalidRequest, message)
        if whole.checksum is not None:
            self._check_checksums(upload, whole.checksum)
        _check_nothing_missing(upload, self.parts)
        return whole

    def _check_type(self, upload: UploadInfo) -> None:
        created = upload.checksum_type.value if upload.checksum_algorithm else "null"
        if self.checksum_type not in (None, created):
            message = (
                f"The upload was created using the {created} checksum mode. The complete request "
                "must use the same checksum mode."
            )
            raise S3Error(Code.InvalidRequest, message)

    def _check_checksums(self, upload: UploadInfo, checksum: Checksum) -> None:
        """Check the promises of the whole object. One without a type is taken for composite, so a
        FULL_OBJECT upload cannot keep it. AWS ignores composite values where the upload named no
        algorithm: there is nothing that they could be of."""
        for algorithm, value in self.checksums:
            if not upload.checksum_algorithm and _is_composite(value):
                continue
            full = checksum.type is ChecksumType.FULL_OBJECT
            typed = self.checksum_type is not None or not (full and upload.checksum_algorithm)
            # Composite values come with or without their `-N`.
            same = value in (checksum.value, checksum.value.partition("-")[0])
            if algorithm != checksum.algorithm or not typed or not same:
                name = checksum.algorithm.lower()
                message = f"The {name} you specified did not match the calculated checksum."
                raise S3Error(Code.BadDigest, message)


def _is_composite(value: str) -> bool:
    return value.rpartition("-")[2].isdigit() and "-" in value


def _check_document(upload: CompletedMultipartUpload | None) -> None:
    if upload is None:
        raise S3Error(Code.InvalidRequest, "You must specify at least one part")


def check_order(parts: tuple[CompletedPart, ...], upload_id: str) -> None:
    """Raise `MalformedXML` for no parts or too many, `InvalidPartOrder` unless numbers ascend, and
    `InvalidPart` for numbers that no part can have."""
    if not 0 < len(parts) <= MAX_PARTS:
        raise S3Error(Code.MalformedXML)
    for part in parts:
        if not 1 <= part.part_number <= MAX_PARTS:
            raise _invalid_part(part.part_number, upload_id, part.etag)
    if any(a.part_number >= b.part_number for a, b in pairwise(parts)):
        raise S3Error(Code.InvalidPartOrder, UploadId=upload_id)


def _check_part(upload: UploadInfo, asked: CompletedPart, part: PartInfo) -> None:
    """Check the part's ETag, and its checksums: each is the upload's."""
    promised = {name: value for name in ALGORITHMS if (value := _promise(asked, name)) is not None}
    wrong = unquoted(asked.etag) != part.etag
    if wrong or (promised and not upload.checksum_algorithm):
        raise _invalid_part(part.number, upload.id, asked.etag)
    named = upload.checksum_algorithm
    for algorithm, value in promised.items():
        if algorithm != named:
            message = (
                f"The {algorithm.lower()} you specified for part {part.number} did not match what "
                "we received."
            )
            raise S3Error(Code.BadDigest, message)
        if part.checksum is None or value != part.checksum.value:
            raise _invalid_part(part.number, upload.id, asked.etag)


def _check_nothing_missing(upload: UploadInfo, asked: tuple[CompletedPart, ...]) -> None:
    """Raise `InvalidRequest` unless each part of a COMPOSITE upload comes with its checksum."""
    named = upload.checksum_algorithm
    if not named or upload.checksum_type is not ChecksumType.COMPOSITE:
        return
    for part in asked:
        if _promise(part, named) is None:
            message = (
                f"The upload was created using a {named.lower()} checksum. The complete request "
                "must include the checksum for each part. It was missing for part "
                f"{part.part_number} in the request."
            )
            raise S3Error(Code.InvalidRequest, message)


def _promise(asked: CompletedPart, algorithm: str) -> str | None:
    value: str | None = getattr(asked, f"checksum_{algorithm.lower()}")
    return value


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


def _invalid_part(number: int, upload_id: str, etag: str) -> S3Error:
    return S3Error(
        Code.InvalidPart, UploadId=upload_id, PartNumber=str(number), ETag=unquoted(etag)
    )


def _promised(call: Call) -> tuple[tuple[str, str], ...]:
    """Return the object's checksums, from headers that elsewhere are of the request's body."""
    names = ((a.name, call.headers.get(PREFIX + a.name.lower())) for a in ALGORITHMS.values())
    return tuple((name, value) for name, value in names if value is not None)
