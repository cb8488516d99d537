"""Opening of a request's archive members: one, or a tar of several."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from s3gw.http.leaving import Connected
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import check_reader
from storage.archives import (
    Addition,
    Additions,
    ArchiveFormat,
    Entry,
    MemberAsked,
    MemberReading,
    Selection,
    Shard,
    archive_of,
)
from storage.errors import MemberNotFound
from storage.values import ObjectInfo, ReadOptions, Stream

_NS = 1_000_000_000


async def open_one(call: Call, archive: str, asked: MemberAsked) -> tuple[Shard, MemberReading]:
    """Open one member as `Archives.open_member`, for a reader whose headers must be those of the
    archive."""
    async with Connected(call.receive):
        shard, reading = await call.objects.archives.open_member(
            call.store, call.bucket, archive, asked
        )
    try:
        check_reader(call, shard.info)
    except BaseException:
        await close(reading)
        raise
    return shard, reading


async def open_selected(
    call: Call, selection: Selection, kind: ArchiveFormat | None, options: ReadOptions
) -> tuple[ObjectInfo, Stream]:
    """Return the archive's info, and a tar of all selected members, however many. Raise
    `MemberNotFound` if no member is selected."""
    archives = call.objects.archives
    shard = await archives.open(call.store, call.bucket, call.key, options, kind)
    check_reader(call, shard.info)
    chosen = shard.select(selection)
    async with Connected(call.receive):
        first = await anext(chosen, None)
    if first is None:
        raise MemberNotFound(call.key)
    additions = _additions(first, chosen, shard.info.modified_ns // _NS)
    return shard.info, archive_of(ArchiveFormat.TAR, additions)


async def _additions(
    first: MemberReading, rest: AsyncGenerator[MemberReading, None], modified_s: int
) -> Additions:
    reading: MemberReading | None = first
    try:
        while reading is not None:
            entry = Entry(reading.member.name, len(reading.span), modified_s)
            yield Addition(entry, reading.body)
            reading = await anext(rest, None)
    finally:
        await rest.aclose()


async def close(reading: MemberReading) -> None:
    if not isinstance(reading.body, bytes):
        await reading.body.aclose()
