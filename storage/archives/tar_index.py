"""Index of a tar, from its headers.

Contents are read only where they lie between two headers that are near.
"""

from __future__ import annotations

import asyncio

from storage.archives.index import IndexBuilder, ShardIndex
from storage.archives.member import Member
from storage.archives.source import WINDOW, Source
from storage.archives.tar_stream import TarCursor
from storage.archives.tar_walk import HardLink, TarWalk
from storage.errors import MalformedArchive
from storage.pacing import Pace


async def index_tar(source: Source) -> ShardIndex:
    """Raises `MalformedArchive`, also of an archive that was cut off."""
    walk, builder, pace = TarWalk(), IndexBuilder(), Pace()
    window, start = b"", 0
    while not walk.ended and not (walk.position >= source.size and walk.may_end):
        await pace.step()
        at, stop = walk.position, walk.position + walk.wanted
        if stop > source.size:
            raise MalformedArchive(f"{source.info.name} was cut off")
        if not start <= at <= stop <= start + len(window):
            start = at
            window = await source.read(at, min(max(stop, _window_end(at)), source.size))
        _note(builder, walk.take(window[at - start : stop - start]), source)
    return await asyncio.to_thread(builder.build)


async def index_stream(cursor: TarCursor) -> ShardIndex:
    """Of a tar that is read once, from its beginning. Raises `MalformedArchive`."""
    builder = IndexBuilder()
    while (found := await cursor.next()) is not None:
        if isinstance(found, HardLink):
            builder.add_link(found)
        else:
            builder.add(found)
    return await asyncio.to_thread(builder.build)


def _window_end(position: int) -> int:
    """Up to the end of the store's block: more would be another read."""
    return (position // WINDOW + 1) * WINDOW


def _note(builder: IndexBuilder, found: Member | HardLink | None, source: Source) -> None:
    match found:
        case HardLink():
            builder.add_link(found)
        case None:
            pass
        case member:
            if member.offset + member.size > source.size:
                raise MalformedArchive(f"{source.info.name} was cut off in {member.name!r}")
            builder.add(member)
