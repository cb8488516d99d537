"""Reading of objects: GetObject and HeadObject answer with the same headers."""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec import Struct

from s3gw.access import Access, hide_headers
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.ops.archive_folder import folder_reply
from s3gw.ops.archive_read import in_archive, member_reply
from s3gw.ops.etl_read import ETL_QUERIES, names_etl, transformed_reply
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import checksum_headers
from s3gw.s3.encryption_headers import (
    ENCRYPTION_HEADERS,
    check_reader,
    checked,
    customer_key,
    refuse_on_reads,
)
from s3gw.s3.expiration import expiration_headers
from s3gw.s3.headers import (
    CONDITIONS,
    OVERRIDES,
    named_version,
    object_headers,
    override_headers,
    read_condition,
    read_version_header,
    wants_checksum,
)
from s3gw.s3.range_headers import read_range, span_headers
from s3gw.s3.routing import header, operation, path, query
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import ARCHPATH_HEADER
from storage.conditions import wanted_part
from storage.ranges import PartNumber, Want
from storage.values import MAX_PARTS, Checksum, ChecksumType, Reading, ReadOptions


@operation("GET", Level.OBJECT, access=Access.GET)
class GetObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    range: str | None = header("Range", default=None)
    part_number: int | None = query("partNumber", default=None)
    version_id: str | None = query("versionId", default=None)
    archpath: str = query("archpath", default="")
    archmime: str = query("archmime", default="")
    archmode: str = query("archmode", default="")
    archregx: str = query("archregx", default="")
    etl: str = query("etl", default="")
    etl_args: str = query("etl_args", default="")
    etl_pipeline: str = query("etl_pipeline", default="")

    async def run(self, call: Call) -> Reply:
        if is_plain(call):
            read = plain_request(call, self.range)
        elif names_etl(call):
            return await transformed_reply(call)
        elif members := in_archive(call):
            return await member_reply(call, members, head=False)
        elif call.folder is not None:
            return await folder_reply(
                call, call.folder, read_want(self.range, self.part_number), head=False
            )
        else:
            read = await read_object_request(call, self)
        reading = await call.store.get_object(self.bucket, self.key, read.options)
        reply = object_reply(call, await checked(call, reading), read)
        call.objects.access_times.note(call.bucket_info.lasting_name, self.key)
        await hide_headers(call, reply.headers)
        return reply


@operation("HEAD", Level.OBJECT, access=Access.HEAD_OBJECT)
class HeadObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    range: str | None = header("Range", default=None)
    part_number: int | None = query("partNumber", default=None)
    version_id: str | None = query("versionId", default=None)
    archpath: str = query("archpath", default="")
    archmime: str = query("archmime", default="")
    archmode: str = query("archmode", default="")
    archregx: str = query("archregx", default="")

    async def run(self, call: Call) -> Reply:
        if is_plain(call):
            read = plain_request(call, self.range)
        elif members := in_archive(call):
            return await member_reply(call, members, head=True)
        elif call.folder is not None:
            return await folder_reply(
                call, call.folder, read_want(self.range, self.part_number), head=True
            )
        else:
            read = await read_object_request(call, self)
        reading = await call.store.head_object(self.bucket, self.key, read.options)
        check_reader(call, reading.info)
        reply = object_reply(call, reading, read)
        await hide_headers(call, reply.headers)
        return reply


class ReadsObject(Protocol):
    """Parameters that GetObject and HeadObject share."""

    @property
    def range(self) -> str | None: ...
    @property
    def part_number(self) -> int | None: ...
    @property
    def version_id(self) -> str | None: ...


class ObjectReadRequest(Struct, frozen=True):
    """A reader's request; all of its errors are found before a file is opened."""

    options: ReadOptions
    overrides: dict[str, str]
    part_checksum: Checksum | None = None


# All that requests something else than an object, or a range of it.
_ASKING_HEADERS = CONDITIONS | ENCRYPTION_HEADERS | {ARCHPATH_HEADER}
_ASKING_QUERIES = (
    OVERRIDES.keys()
    | ENCRYPTION_HEADERS
    | ETL_QUERIES
    | {"archmime", "archmode", "archpath", "archregx", "partNumber", "versionId"}
)


def is_plain(call: Call) -> bool:
    """Whether the request is for an object or a range of it, and for no more, as nearly always."""
    return (
        call.folder is None
        and _ASKING_HEADERS.isdisjoint(call.headers)
        and _ASKING_QUERIES.isdisjoint(call.query)
    )


def plain_request(call: Call, range_header: str | None) -> ObjectReadRequest:
    unlock = call.objects.encryption.unlock(customer_key(call))
    want = read_range(range_header)
    return ObjectReadRequest(ReadOptions(want, unlock=unlock, before_stream=call.before_stream), {})


async def read_object_request(call: Call, request: ReadsObject) -> ObjectReadRequest:
    want, version = read_want(request.range, request.part_number), named_version(request.version_id)
    refuse_on_reads(call)
    options = ReadOptions(
        want,
        read_condition(call.headers),
        version,
        call.objects.encryption.unlock(customer_key(call)),
        call.before_stream,
    )
    overrides = override_headers(call)
    if request.part_number is None or not wants_checksum(call):
        return ObjectReadRequest(options, overrides)
    page = await call.store.list_object_parts(
        call.bucket, call.key, version=version, after=request.part_number - 1, limit=1
    )
    return ObjectReadRequest(options, overrides, page.parts[0].checksum if page.parts else None)


def read_want(range_header: str | None, part_number: int | None) -> Want | None:
    if part_number is None:
        return read_range(range_header)
    if range_header is not None:
        message = "Cannot specify both Range header and partNumber query parameter"
        raise S3Error(Code.InvalidRequest, message)
    if not 1 <= part_number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="partNumber")
    return PartNumber(part_number)


def object_reply(call: Call, reading: Reading, read: ObjectReadRequest) -> Reply:
    """Return the whole object with 200, or the requested part with 206."""
    info, span = reading.info, reading.span
    want = wanted_part(read.options.want, read.options.condition, info)
    partial = want is not None and span.stop > span.start
    headers = object_headers(info)
    headers |= read_version_header(call.bucket_info, info)
    headers |= expiration_headers(call, info)
    headers |= span_headers(info, span, partial=partial)
    if wants_checksum(call):
        headers |= checksum_headers(_checksum_of(reading, read))
    if isinstance(want, PartNumber) and info.parts:
        headers["x-amz-mp-parts-count"] = str(info.parts)
    headers |= read.overrides
    return Reply(206 if partial else 200, headers, reading.body)


def _checksum_of(reading: Reading, read: ObjectReadRequest) -> Checksum | None:
    """Return the part's or the whole's checksum; for a range, no checksum: the whole's would
    contradict its bytes.

    S3 gives a part's checksum the type of the whole object's, and for a part of a FULL_OBJECT none.
    """
    whole = reading.info.checksum
    by_part = isinstance(read.options.want, PartNumber) and reading.info.parts > 1
    if by_part and whole is not None and whole.type is ChecksumType.FULL_OBJECT:
        return None
    if read.part_checksum is not None and whole is not None and reading.info.parts:
        return msgspec.structs.replace(read.part_checksum, type=whole.type)
    return whole if len(reading.span) == reading.info.size else None
