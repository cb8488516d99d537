"""The content of a ZIP's member, inflated and checked."""

from __future__ import annotations

import zlib
from contextlib import aclosing

from storage.archives.member import Member, Packing
from storage.archives.source import Source
from storage.archives.unpacking import Inflater, unpacked
from storage.archives.zip_index import LOCAL, LOCAL_MAGIC
from storage.errors import MalformedArchive
from storage.ranges import Between
from storage.values import Stream

_RAW_DEFLATE = -15


async def open_zipped(source: Source, member: Member, span: Between) -> bytes | Stream:
    """Those bytes of the member. Raises `MalformedArchive`, on the way too."""
    begin = await _content_begins(source, member)
    if member.packing is Packing.ZIP_STORED:
        return await source.open(Between(begin + span.start, begin + span.stop))
    if not len(span):
        return b""
    packed = await source.open(Between(begin, begin + member.packed))
    return _inflated(packed, member, span)


async def _content_begins(source: Source, member: Member) -> int:
    """The local header's own name and extra field can be longer than the directory's."""
    header = await source.read(member.offset, member.offset + LOCAL.size)
    *_, name_length, extra_length = LOCAL.unpack(header)
    begin: int = member.offset + LOCAL.size + name_length + extra_length
    if not header.startswith(LOCAL_MAGIC) or begin + member.packed > source.size:
        raise MalformedArchive(f"no ZIP that can be read: {member.name!r} is not where it should")
    return begin


async def _inflated(packed: bytes | Stream, member: Member, span: Between) -> Stream:
    """Never more than the size in the directory, whatever the bytes unpack to."""
    at, crc = 0, 0
    async with aclosing(unpacked(packed, Inflater(_RAW_DEFLATE))) as pieces:
        async for piece in pieces:
            crc = zlib.crc32(piece, crc)
            start, at = at, at + len(piece)
            if at > member.size:
                break
            if start < span.stop and at > span.start:
                yield piece[max(0, span.start - start) : span.stop - start]
            if at >= span.stop and span.stop < member.size:
                return
    if at != member.size or crc != member.crc:
        raise MalformedArchive(f"the member {member.name!r} is not what its ZIP says")
