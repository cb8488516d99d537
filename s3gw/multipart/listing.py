"""ListParts and ListMultipartUploads."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.expiration import abort_headers
from s3gw.s3.headers import quoted
from s3gw.s3.key_encoding import Encode, key_encoding
from s3gw.s3.routing import operation, path, query
from s3gw.s3.shared_elements import (
    Owner,
    PartChecksums,
    Prefix,
    initiator_of,
    owners_in,
    part_checksum,
)
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import TimeNs, document, named
from storage.errors import UploadNotFound
from storage.upload_ids import is_upload_id
from storage.values import PartInfo, PartPage, UploadInfo, UploadPage, UploadQuery

MAX_PARTS = 1000
MAX_UPLOADS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(PartChecksums):
    part_number: int
    last_modified: TimeNs
    etag: str
    size: int


@document("ListPartsResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class ListPartsResult:
    bucket: str
    key: str
    upload_id: str
    part_number_marker: int
    next_part_number_marker: int
    max_parts: int
    is_truncated: bool
    parts: tuple[Part, ...] = named("Part")
    initiator: Owner
    owner: Owner
    storage_class: str
    checksum_algorithm: str | None
    checksum_type: str | None


@operation("GET", Level.OBJECT, needs=("uploadId",), access=Access.LIST_OBJECTS)
class ListParts:
    bucket: str = path("Bucket")
    key: str = path("Key")
    upload_id: str = query("uploadId")
    max_parts: int = query("max-parts", default=MAX_PARTS)
    part_number_marker: int = query("part-number-marker", default=0)

    async def run(self, call: Call) -> Reply:
        upload = await call.store.head_upload(self.bucket, self.key, self.upload_id)
        page = await call.store.list_parts(
            self.bucket,
            self.key,
            self.upload_id,
            after=self.part_number_marker,
            limit=min(self.max_parts, MAX_PARTS),
        )
        return xml_reply(self._result(call, upload, page), headers=abort_headers(call, upload))

    def _result(self, call: Call, upload: UploadInfo, page: PartPage) -> ListPartsResult:
        last = page.parts[-1].number if page.parts else 0
        return ListPartsResult(
            bucket=self.bucket,
            key=self.key,
            upload_id=self.upload_id,
            part_number_marker=self.part_number_marker,
            next_part_number_marker=last,
            max_parts=min(self.max_parts, MAX_PARTS),
            is_truncated=page.next_after is not None,
            parts=tuple(_part(part, upload) for part in page.parts),
            initiator=initiator_of(call, upload.owner),
            owner=owners_in(call)(upload.attributes.owner),
            storage_class=upload.attributes.storage_class,
            checksum_algorithm=upload.checksum_algorithm or None,
            checksum_type=upload.checksum_type.value if upload.checksum_algorithm else None,
        )


def _part(part: PartInfo, upload: UploadInfo) -> Part:
    return Part(
        part_number=part.number,
        last_modified=TimeNs(part.modified_ns),
        etag=quoted(part.etag),
        size=part.size,
        **(part_checksum(part.checksum) if upload.checksum_algorithm else {}),
    )


@dataclass(frozen=True, slots=True)
class Upload:
    key: str
    upload_id: str
    initiator: Owner
    owner: Owner
    storage_class: str
    initiated: TimeNs
    checksum_algorithm: str | None
    checksum_type: str | None


@document("ListMultipartUploadsResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class ListMultipartUploadsResult:
    bucket: str
    key_marker: str
    upload_id_marker: str
    next_key_marker: str
    next_upload_id_marker: str
    prefix: str | None
    delimiter: str | None
    encoding_type: str | None
    max_uploads: int
    is_truncated: bool
    uploads: tuple[Upload, ...] = named("Upload")
    common_prefixes: tuple[Prefix, ...]


@operation("GET", Level.BUCKET, marker="uploads", access=Access.LIST_OBJECTS)
class ListMultipartUploads:
    bucket: str = path("Bucket")
    prefix: str = query("prefix", default="")
    delimiter: str = query("delimiter", default="")
    key_marker: str = query("key-marker", default="")
    upload_id_marker: str = query("upload-id-marker", default="")
    max_uploads: int = query("max-uploads", default=MAX_UPLOADS)
    encoding_type: str | None = query("encoding-type", default=None)

    async def run(self, call: Call) -> Reply:
        if self.max_uploads == 0:
            raise S3Error(Code.InvalidArgument, ArgumentName="max-uploads", ArgumentValue="0")
        encode = key_encoding(self.encoding_type)
        await self._check_marker(call)
        wanted = UploadQuery(
            prefix=self.prefix,
            delimiter=self.delimiter,
            after=self.key_marker,
            after_id=self.upload_id_marker,
            limit=min(self.max_uploads, MAX_UPLOADS),
        )
        page = await call.store.list_uploads(self.bucket, wanted)
        return xml_reply(self._result(call, page, wanted.limit, encode))

    async def _check_marker(self, call: Call) -> None:
        """Raise `InvalidArgument` for the id of an upload that the key never had. One that has
        ended is a marker still: clients abort what they list, page by page."""
        name, upload_id = self.key_marker, self.upload_id_marker
        if not name or not upload_id or is_upload_id(upload_id, name):
            return
        try:
            await call.store.head_upload(self.bucket, name, upload_id)
        except UploadNotFound:
            raise S3Error(
                Code.InvalidArgument,
                "Invalid uploadId marker",
                ArgumentName="upload-id-marker",
                ArgumentValue=upload_id,
            ) from None

    def _result(
        self, call: Call, page: UploadPage, limit: int, encode: Encode
    ) -> ListMultipartUploadsResult:
        after, after_id = _next_markers(page)
        return ListMultipartUploadsResult(
            bucket=self.bucket,
            key_marker=encode(self.key_marker),
            upload_id_marker=self.upload_id_marker if self.key_marker else "",
            next_key_marker=encode(after),
            next_upload_id_marker=after_id,
            prefix=encode(self.prefix) or None,
            delimiter=encode(self.delimiter) or None,
            encoding_type=self.encoding_type or None,
            max_uploads=limit,
            is_truncated=page.next_after is not None,
            uploads=tuple(_upload(call, upload, encode) for upload in page.uploads),
            common_prefixes=tuple(Prefix(encode(prefix)) for prefix in page.common_prefixes),
        )


def _next_markers(page: UploadPage) -> tuple[str, str]:
    """Return the markers of the next page; AWS names the last upload on the last page too, and
    nothing after a common prefix. There a next page needs the prefix, and gets it here."""
    if page.next_after is not None:
        return page.next_after, page.next_id
    if not page.uploads:
        return "", ""
    return page.uploads[-1].name, page.uploads[-1].id


def _upload(call: Call, upload: UploadInfo, encode: Encode) -> Upload:
    return Upload(
        key=encode(upload.name),
        upload_id=upload.id,
        initiator=initiator_of(call, upload.owner),
        owner=owners_in(call)(upload.attributes.owner),
        storage_class=upload.attributes.storage_class,
        initiated=TimeNs(upload.initiated_ns),
        checksum_algorithm=upload.checksum_algorithm or None,
        checksum_type=upload.checksum_type.value if upload.checksum_algorithm else None,
    )
