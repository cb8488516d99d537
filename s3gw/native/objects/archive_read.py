"""GET and HEAD of members of archives, where the query names some.

AIStore answers one member with its length alone, and several as a tar. Other facts about the
archive are given as in S3; a range of a member, refused by AIStore, is served.
"""

from __future__ import annotations

from typing import Protocol

from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.s3.archives.opening import open_one, open_selected
from s3gw.s3.archives.query import MemberQuery, read_member_query
from s3gw.s3.encryption_headers import customer_key
from s3gw.s3.headers import http_date, read_condition
from storage.archives import ArchiveFormat, MemberAsked, MemberReading
from storage.conditions import wanted_part
from storage.ranges import Between, From, Last
from storage.values import ObjectInfo, ReadOptions

_TYPE = "application/octet-stream"
_NS = 1_000_000_000


class Asking(Protocol):
    """Parameters that GET and HEAD share."""

    @property
    def archpath(self) -> str: ...
    @property
    def archmime(self) -> str: ...
    @property
    def archmode(self) -> str: ...
    @property
    def archregx(self) -> str: ...


def member_query_of(request: Asking) -> MemberQuery | None:
    """Return the query for members; None for a request for the object itself. Raise 400."""
    return read_member_query(
        path=request.archpath,
        mime=request.archmime,
        mode=request.archmode,
        wanted=request.archregx,
    )


async def member_reply(
    call: NativeCall, wanted: MemberQuery, part: Between | From | Last | None
) -> Reply:
    options = _options(call)
    if wanted.selection is None:
        asked = MemberAsked(wanted.path, part, options, wanted.kind)
        shard, reading = await open_one(call, call.key, asked)
        call.objects.access_times.note(call.bucket_info.lasting_name, call.key)
        partial = wanted_part(part, options.condition, shard.info) is not None
        headers = _headers(shard.info, reading, partial=partial)
        return Reply(206 if partial else 200, headers, reading.body)
    if part is not None:
        raise NativeError(416, "several members have no range", Tcode.RANGE)
    info, tar = await open_selected(call, wanted.selection, wanted.kind, options)
    call.objects.access_times.note(call.bucket_info.lasting_name, call.key)
    headers = _times(info) | {"Content-Type": ArchiveFormat.TAR.content_type}
    return Reply(200, headers, tar)


async def member_head(call: NativeCall, wanted: MemberQuery) -> Reply:
    if wanted.selection is not None:
        raise NativeError(400, "what is selected with archregx can be read with GET only")
    asked = MemberAsked(wanted.path, None, _options(call), wanted.kind, head=True)
    shard, reading = await open_one(call, call.key, asked)
    headers = _headers(shard.info, reading, partial=False)
    return Reply(200, headers, repeated=[("Ais-Present", "true")])


def _options(call: NativeCall) -> ReadOptions:
    return ReadOptions(
        condition=read_condition(call.headers),
        unlock=call.objects.encryption.unlock(customer_key(call)),
        before_stream=call.before_stream,
    )


def _headers(archive: ObjectInfo, reading: MemberReading, *, partial: bool) -> dict[str, str]:
    span = reading.span
    headers = {"Content-Type": _TYPE, "Accept-Ranges": "bytes", "Content-Length": str(len(span))}
    if partial and len(span):
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{reading.member.size}"
    return headers | _times(archive)


def _times(archive: ObjectInfo) -> dict[str, str]:
    return {"Last-Modified": http_date(archive.modified_ns // _NS)}
