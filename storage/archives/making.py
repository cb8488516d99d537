"""New archives from entries, and appending to existing archives.

Both are streams in bounded memory. An archive that is appended to is written again throughout,
because blobs belong to one object each: a tar is sent again up to its end, a ZIP up to its
directory, followed by the new members and a new directory. A compressed tar is unpacked and packed
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from msgspec import Struct

from storage.archives.formats import ArchiveFormat
from storage.archives.index import MAX_MEMBERS
from storage.archives.member import Member
from storage.archives.packing import packed
from storage.archives.shard import Shard
from storage.archives.source import Source
from storage.archives.tar_walk import TarWalk
from storage.archives.unpacking import PIECE
from storage.archives.writing import ArchiveWriter, Entry, TarWriter, ZipPrior, ZipWriter
from storage.archives.zip_index import find_directory
from storage.errors import MalformedArchive, StorageError
from storage.ranges import Between
from storage.values import Stream


class NotAsLong(StorageError):
    """An entry's bytes were more or fewer than it said."""


class TooManyEntries(StorageError):
    """More than an archive could be read with."""


class Addition(Struct, frozen=True):
    """An entry and its bytes, `entry.size` of them."""

    entry: Entry
    body: bytes | Stream


class SeveralAdditions(Struct, frozen=True):
    """Entries with their bytes, that `read` gives: it is called in a thread."""

    count: int
    read: Callable[[], Sequence[tuple[Entry, bytes]]]


Additions = AsyncGenerator[Addition | SeveralAdditions, None]


async def archive_of(
    kind: ArchiveFormat, additions: Additions, prior: Shard | None = None
) -> Stream:
    """The bytes of an archive of the additions, after the members of `prior` if it is given, which
    must be of that format. What the additions raise ends it.

    Raises `MalformedArchive` of the prior one, `ObjectChanged`, `NotAsLong`, `TooManyEntries`.
    """
    made = _zip(additions, prior) if kind is ArchiveFormat.ZIP else _tar(additions, prior)
    pieces = gathered(made)
    if kind.is_compressed_tar:
        pieces = packed(kind, pieces)
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _tar(additions: Additions, prior: Shard | None) -> Stream:
    writer = TarWriter()
    if prior is not None:
        async with aclosing(tar_members(await prior.whole())) as pieces:
            async for piece in pieces:
                yield piece
    async with aclosing(_added(writer, additions)) as pieces:
        async for piece in pieces:
            yield piece
    yield writer.finish()


async def _zip(additions: Additions, prior: Shard | None) -> Stream:
    if prior is None:
        async with aclosing(_added(writer := ZipWriter(), additions)) as pieces:
            async for piece in pieces:
                yield piece
        yield writer.finish()
        return
    await prior.index()
    found = await find_directory(prior.source)
    begin, size = found.start - found.shift, found.stop - found.start
    writer = ZipWriter(ZipPrior(begin, size, found.entries, found.comment))
    for pieces in (
        _span(prior.source, 0, found.start),
        _added(writer, additions),
        _span(prior.source, found.start, found.stop),
    ):
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    yield writer.finish()


async def _span(source: Source, start: int, stop: int) -> Stream:
    body = await source.open(Between(start, stop))
    if isinstance(body, bytes):
        yield body
        return
    async with aclosing(body):
        async for piece in body:
            yield piece


async def _added(writer: ArchiveWriter, additions: Additions) -> Stream:
    count = 0
    async with aclosing(additions):
        async for each in additions:
            count += each.count if isinstance(each, SeveralAdditions) else 1
            if count > MAX_MEMBERS:
                raise TooManyEntries(f"more than {MAX_MEMBERS:,} members")
            if isinstance(each, SeveralAdditions):
                yield await asyncio.to_thread(_several, writer, each)
                continue
            if isinstance(each.body, bytes):
                _check_length(each.entry, len(each.body))
                yield writer.whole(each.entry, each.body)
                continue
            yield writer.begin(each.entry)
            size = 0
            async with aclosing(each.body) as body:
                async for piece in body:
                    size += len(piece)
                    yield writer.content(piece)
            _check_length(each.entry, size)
            yield writer.end()


def _several(writer: ArchiveWriter, additions: SeveralAdditions) -> bytes:
    entries = additions.read()
    for entry, content in entries:
        _check_length(entry, len(content))
    return writer.several(entries)


def _check_length(entry: Entry, size: int) -> None:
    if size != entry.size:
        raise NotAsLong(f"{entry.name} has {size} bytes and not {entry.size}")


async def tar_members(body: bytes | Stream) -> Stream:
    """A tar without its end. Raises `MalformedArchive`."""
    walk, held, at, content_end = TarWalk(), b"", 0, 0
    pieces = _one(body) if isinstance(body, bytes) else body
    async with aclosing(pieces):
        async for piece in pieces:
            held += piece
            while not walk.ended and walk.position + walk.wanted <= at + len(held):
                begin = walk.position - at
                found = walk.take(held[begin : begin + walk.wanted])
                if isinstance(found, Member):
                    content_end = found.offset + found.size
            done = min(walk.position - at, len(held))
            if done:
                yield held[:done]
            held, at = held[done:], at + done
            if walk.ended:
                break
    if at < content_end or not walk.may_end or (held and not walk.ended):
        raise MalformedArchive("the tar was cut off")
    # The padding of the last member, where its writer left it out.
    yield bytes(walk.position - at)


async def _one(body: bytes) -> Stream:
    yield body


async def gathered(pieces: Stream, least: int = PIECE) -> Stream:
    """The same bytes in pieces that are worth a hop into a thread."""
    held, size = [], 0
    async with aclosing(pieces):
        async for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= least:
                yield b"".join(held)
                held, size = [], 0
    if size:
        yield b"".join(held)
