"""Members of archives in GetObject and HeadObject, named by the query.

    GET /bucket/shard.tar?archpath=images/0001.jpg       one member, or a range of it
    GET /bucket/shard.tar?archregx=.jpg&archmode=suffix  all matching members, as a tar

Conditions, versions, keys and Last-Modified are those of the archive. A member has no ETag: the
archive's would promise other bytes.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from s3gw.http.reply import Reply
from s3gw.objects.attributes import DEFAULT_TYPE
from s3gw.s3.archives.opening import close, open_one, open_selected
from s3gw.s3.archives.query import MemberQuery, invalid, read_member_query
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import customer_key, encryption_headers, refuse_on_reads
from s3gw.s3.headers import (
    http_date,
    named_version,
    override_headers,
    read_condition,
    read_version_header,
)
from s3gw.s3.range_headers import read_range
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import ARCHPATH_HEADER
from storage.archives import ArchiveFormat, MemberAsked, Selection
from storage.conditions import wanted_part
from storage.values import ObjectInfo, ReadOptions

_NS = 1_000_000_000


def in_archive(call: Call) -> MemberQuery | None:
    """Return the query for members; None for a request for the object itself. Raise
    `InvalidArgument`."""
    get = call.query.get
    return read_member_query(
        path=_path(call),
        mime=get("archmime", ""),
        mode=get("archmode", ""),
        wanted=get("archregx", ""),
    )


def _path(call: Call) -> str:
    """Return the path of the query, or of the header, where it is URL-encoded."""
    path, sent = call.query.get("archpath", ""), call.headers.get(ARCHPATH_HEADER, "")
    if not sent:
        return path
    try:
        decoded = unquote_to_bytes(sent.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise invalid(ARCHPATH_HEADER, sent, "It is not URL-encoded UTF-8.") from None
    if path and path != decoded:
        raise invalid(ARCHPATH_HEADER, sent, "The query names another member.")
    return decoded


async def member_reply(call: Call, wanted: MemberQuery, *, head: bool) -> Reply:
    """Answer a request for members."""
    if "partNumber" in call.query:
        raise S3Error(Code.InvalidRequest, "A member of an archive has no parts.")
    refuse_on_reads(call)
    version = named_version(call.query.get("versionId"))
    options = ReadOptions(
        None,
        read_condition(call.headers),
        version,
        call.objects.encryption.unlock(customer_key(call)),
        call.before_stream,
    )
    if wanted.selection is not None:
        return await _selected(call, wanted.selection, wanted.kind, options, head=head)
    part = read_range(call.headers.get("range"))
    asked = MemberAsked(wanted.path, part, options, wanted.kind, head)
    shard, reading = await open_one(call, call.key, asked)
    try:
        overrides = override_headers(call)
    except BaseException:
        await close(reading)
        raise
    size, span = reading.member.size, reading.span
    partial = wanted_part(part, options.condition, shard.info) is not None and len(span) > 0
    headers = _headers(call, shard.info, DEFAULT_TYPE)
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(len(span))}
    if partial:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return Reply(206 if partial else 200, headers | overrides, reading.body)


async def _selected(
    call: Call,
    selection: Selection,
    kind: ArchiveFormat | None,
    options: ReadOptions,
    *,
    head: bool,
) -> Reply:
    if head or read_range(call.headers.get("range")) is not None:
        message = "What is selected with archregx can be read with GET only, and only as a whole."
        raise S3Error(Code.InvalidRequest, message)
    overrides = override_headers(call)
    info, tar = await open_selected(call, selection, kind, options)
    headers = _headers(call, info, ArchiveFormat.TAR.content_type) | overrides
    return Reply(200, headers, tar)


def _headers(call: Call, info: ObjectInfo, content_type: str) -> dict[str, str]:
    headers = {
        "Last-Modified": http_date(info.modified_ns // _NS),
        "Content-Type": content_type,
    }
    headers |= read_version_header(call.bucket_info, info)
    if info.attributes.encryption:
        headers |= encryption_headers(info.attributes.encryption)
    return headers
