"""Members of archives as GetObject and HeadObject give them, where the request names one.

    GET /bucket/shard.tar?archpath=images/0001.jpg       one member, or a range of it
    GET /bucket/shard.tar?archregx=.jpg&archmode=suffix  all members that are chosen, as a tar

Conditions, versions, keys and Last-Modified are those of the archive. A member has no ETag: the
archive's would promise other bytes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from s3gw.encryption.answer import encryption_headers
from s3gw.encryption.request import refuse_on_reads
from s3gw.encryption.sealing import check_reader, unlock_for
from s3gw.errors import Code, S3Error
from s3gw.headers import DEFAULT_TYPE, http_date, override_headers, read_condition, read_range
from s3gw.message import Call
from s3gw.operation import ARCHPATH_HEADER
from s3gw.reply import Reply
from s3gw.versions import named_version, read_version_header
from storage.archives import (
    ArchiveFormat,
    BadSelection,
    Entry,
    MemberAsked,
    MemberReading,
    Mode,
    Selection,
    archive_writer,
    format_named,
    mode_named,
)
from storage.errors import MemberNotFound
from storage.values import ObjectInfo, ReadOptions, Stream

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class InArchive:
    """What a request wants of an archive: the member `path`, or those of the `selection`."""

    path: str
    selection: Selection | None
    kind: ArchiveFormat | None


def read_in_archive(call: Call) -> InArchive | None:
    """None for a request that wants the object itself. Parameters without a value are as good as
    none: AIStore's clients send them so. Raises `InvalidArgument`."""
    path, mime = _path(call), call.query.get("archmime", "")
    mode, wanted = call.query.get("archmode", ""), call.query.get("archregx", "")
    if not (path or mime or mode or wanted):
        return None
    kind = format_named(mime) if mime else None
    if mime and kind is None:
        raise _invalid("archmime", mime, "It is none of .tar, .tgz, .tar.gz, .tar.lz4 and .zip.")
    if bool(path) == bool(wanted):
        raise _invalid("archpath", path, "Name a member with archpath, or some with archregx.")
    if path:
        if mode:
            raise _invalid("archmode", mode, "It goes with archregx, not with archpath.")
        return InArchive(path, None, kind)
    try:
        return InArchive("", Selection(mode_named(mode or Mode.REGEXP.value), wanted), kind)
    except BadSelection as error:
        raise _invalid("archregx", wanted, f"{error}.") from None


def _path(call: Call) -> str:
    """Of the query, or of the header, where it is URL-encoded."""
    path, sent = call.query.get("archpath", ""), call.headers.get(ARCHPATH_HEADER, "")
    if not sent:
        return path
    try:
        decoded = unquote_to_bytes(sent.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise _invalid(ARCHPATH_HEADER, sent, "It is no URL-encoded UTF-8.") from None
    if path and path != decoded:
        raise _invalid(ARCHPATH_HEADER, sent, "The query names another member.")
    return decoded


async def member_reply(call: Call, wanted: InArchive, *, head: bool) -> Reply:
    """The answer to a request for members."""
    if "partNumber" in call.query:
        raise S3Error(Code.InvalidRequest, "A member of an archive has no parts.")
    refuse_on_reads(call)
    version = named_version(call.query.get("versionId"))
    options = ReadOptions(None, read_condition(call.headers), version, unlock_for(call))
    if wanted.selection is not None:
        return await _selected(call, wanted.selection, wanted.kind, options, head=head)
    part = read_range(call.headers.get("range"))
    asked = MemberAsked(wanted.path, part, options, wanted.kind, head)
    archives = call.services.archives
    shard, reading = await archives.open_member(call.store, call.bucket, call.key, asked)
    try:
        await check_reader(call, shard.info)
        overrides = override_headers(call)
    except BaseException:
        await _close(reading)
        raise
    size, span = reading.member.size, reading.span
    partial = part is not None and len(span) > 0
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
    """A tar of all members that are chosen, however many."""
    if head or read_range(call.headers.get("range")) is not None:
        message = "What is selected with archregx can be read with GET only, and only as a whole."
        raise S3Error(Code.InvalidRequest, message)
    archives = call.services.archives
    shard = await archives.open(call.store, call.bucket, call.key, options, kind)
    await check_reader(call, shard.info)
    chosen = shard.select(selection)
    first = await anext(chosen, None)
    if first is None:
        raise MemberNotFound(call.key)
    headers = _headers(call, shard.info, ArchiveFormat.TAR.content_type) | override_headers(call)
    return Reply(200, headers, _tar(first, chosen, shard.info.modified_ns // _NS))


async def _tar(
    first: MemberReading, rest: AsyncGenerator[MemberReading, None], modified_s: int
) -> Stream:
    writer = archive_writer(ArchiveFormat.TAR)
    reading: MemberReading | None = first
    async with aclosing(rest):
        while reading is not None:
            entry = Entry(reading.member.name, len(reading.span), modified_s)
            if isinstance(reading.body, bytes):
                yield writer.whole(entry, reading.body)
            else:
                yield writer.begin(entry)
                async with aclosing(reading.body) as body:
                    async for piece in body:
                        yield writer.content(piece)
                yield writer.end()
            reading = await anext(rest, None)
    yield writer.finish()


def _headers(call: Call, info: ObjectInfo, content_type: str) -> dict[str, str]:
    headers = {
        "Last-Modified": http_date(info.modified_ns // _NS),
        "content-type": content_type,
    }
    headers |= read_version_header(call.bucket_facts, info)
    if info.attributes.encryption:
        headers |= encryption_headers(info.attributes.encryption)
    return headers


async def _close(reading: MemberReading) -> None:
    if not isinstance(reading.body, bytes):
        await reading.body.aclose()


def _invalid(name: str, value: str, why: str) -> S3Error:
    return S3Error(Code.InvalidArgument, why, ArgumentName=name, ArgumentValue=value)
