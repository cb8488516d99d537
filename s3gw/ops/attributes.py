"""GetObjectAttributes: the requested facts about an object, in one document."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import check_reader
from s3gw.s3.headers import http_date, named_version, read_version_header
from s3gw.s3.routing import header, operation, path, query
from s3gw.s3.shared_elements import ObjectChecksums, PartChecksums, object_checksum, part_checksum
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.values import Checksum, ChecksumType, ObjectInfo, ReadOptions

MAX_PARTS = 1000
_NAMES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPart(PartChecksums):
    part_number: int
    size: int


@dataclass(frozen=True, slots=True)
class ObjectParts:
    total_parts_count: int = named("PartsCount")
    part_number_marker: int | None = None
    next_part_number_marker: int | None = None
    max_parts: int | None = None
    is_truncated: bool | None = None
    parts: tuple[ObjectPart, ...] = named("Part", default=())


@document("GetObjectAttributesResponse")
@dataclass(frozen=True, slots=True)
class GetObjectAttributesResponse:
    etag: str | None = None
    checksum: ObjectChecksums | None = None
    object_parts: ObjectParts | None = None
    storage_class: str | None = None
    object_size: int | None = None


@operation("GET", Level.OBJECT, marker="attributes", access=Access.HEAD_OBJECT)
class GetObjectAttributes:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    max_parts: int = header("x-amz-max-parts", default=MAX_PARTS)
    part_number_marker: int = header("x-amz-part-number-marker", default=0)
    object_attributes: str = header("x-amz-object-attributes", default="")

    async def run(self, call: Call) -> Reply:
        asked = _names(self.object_attributes)
        options = ReadOptions(version=named_version(self.version_id))
        info = (await call.store.head_object(self.bucket, self.key, options)).info
        check_reader(call, info)
        parts = await self._parts(call, info) if "ObjectParts" in asked and info.parts else None
        modified = http_date(info.modified_ns // 1_000_000_000)
        headers = {"Last-Modified": modified, **read_version_header(call.bucket_info, info)}
        return xml_reply(_response(info, asked, parts), headers=headers)

    async def _parts(self, call: Call, info: ObjectInfo) -> ObjectParts:
        """Return the parts, if their checksums are what the object's is made of; else AWS tells
        their number alone."""
        if info.checksum is None or info.checksum.type is not ChecksumType.COMPOSITE:
            return ObjectParts(info.parts)
        limit, after = min(self.max_parts, MAX_PARTS), self.part_number_marker
        page = await call.store.list_object_parts(
            self.bucket, self.key, version=info.version, after=after, limit=limit
        )
        return ObjectParts(
            total_parts_count=info.parts,
            part_number_marker=after,
            next_part_number_marker=page.parts[-1].number if page.parts else 0,
            max_parts=limit,
            is_truncated=page.next_after is not None,
            parts=tuple(
                ObjectPart(part_number=p.number, size=p.size, **part_checksum(p.checksum))
                for p in page.parts
            ),
        )


def _response(
    info: ObjectInfo, asked: frozenset[str], parts: ObjectParts | None
) -> GetObjectAttributesResponse:
    whole = _without_count(info.checksum)
    checksum = ObjectChecksums(**object_checksum(whole)) if whole else None
    return GetObjectAttributesResponse(
        etag=info.etag if "ETag" in asked else None,
        checksum=checksum if "Checksum" in asked else None,
        object_parts=parts,
        storage_class=info.attributes.storage_class if "StorageClass" in asked else None,
        object_size=info.size if "ObjectSize" in asked else None,
    )


def _without_count(checksum: Checksum | None) -> Checksum | None:
    """Return the checksum without the `-N` that other answers give a composite one."""
    if checksum is None or checksum.type is not ChecksumType.COMPOSITE:
        return checksum
    return msgspec.structs.replace(checksum, value=checksum.value.partition("-")[0])


def _names(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names or not names <= _NAMES:
        raise S3Error(
            Code.InvalidArgument,
            "Invalid attribute name specified.",
            ArgumentName="x-amz-object-attributes",
            ArgumentValue=text,
        )
    return names
