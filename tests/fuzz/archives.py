"""Archives of any bytes: each step gives what is there or a `StorageError`, in bounded memory.

A tar's headers have checksums, which random changes break; so half of the inputs have them mended,
and a compressed tar is changed before it is compressed, or after.
"""

from __future__ import annotations

import gzip
import tarfile
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import lz4.frame

from storage.archives import (
    Addition,
    ArchiveFormat,
    Archives,
    Entry,
    Member,
    Mode,
    Selection,
    Shard,
    archive_of,
)
from storage.archives.index import ShardIndex
from storage.archives.tar_walk import BLOCK
from storage.archives.unpacking import PIECE
from storage.backends.memory import MemoryBackend
from storage.errors import MemberNotFound, StorageError
from storage.ranges import From, Last
from storage.values import BucketOptions, ListQuery, Stream
from tests.archives.made import Files, tar, zipped
from tests.fuzz.front_door import runner
from tests.fuzz.mutation import spliced
from tests.storage.bodies import body_of
from tests.storage.sync_bucket import put_options

_BUCKET = "shards"
_KINDS = list(ArchiveFormat)
_FILES: Files = [("a.jpg", b"first" * 5), ("b" * 120, b"second"), ("d/ü.txt", bytes(700))]
_PAX, _GNU = tar(_FILES), tar(_FILES, tarfile.GNU_FORMAT)
_ZIP = zipped([*_FILES, ("stored", b"")])
_PLAIN = dict.fromkeys(_KINDS, _PAX) | {ArchiveFormat.ZIP: _ZIP}
# Bits of the first byte, above the two that choose the format.
_MENDED, _PACKED = 4, 8
# Whole members are read only so far; the work on each input is bounded with its length.
_MOST_MEMBERS, _MOST_READ = 12, 4 * PIECE
# What may be in memory at once, whatever an archive says of itself: a few pieces in their queues.
MOST_BYTES = 24 << 20
SEEDS = (
    [bytes([number]) + b"\0\0\0\0" for number in range(16)]
    + [b"\4\1" + _GNU, b"\3\1PK\5\6" + bytes(18), b"\3\1" + zipped(_FILES, 0)]
    + [b"\1\1" + gzip.compress(bytes(8 << 20)), b"\2\1" + lz4.frame.compress(bytes(8 << 20))]
    + [bytes([number, 1]) for number in range(4)]
)


def one_input(data: bytes) -> None:
    kind, archive = archive_in(data)
    # It goes on tracing: to start again each time is slow, and leaks.
    tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    runner().run(_use(kind, archive))
    peak = tracemalloc.get_traced_memory()[1] - before
    assert peak < MOST_BYTES + 8 * len(archive), (peak, kind, archive)


def archive_in(data: bytes) -> tuple[ArchiveFormat, bytes]:
    """The format and the bytes that an input stands for."""
    how = data[0] if data else 0
    kind = _KINDS[how % len(_KINDS)]
    is_packed = how & _PACKED and kind.is_compressed_tar
    good = _packed(kind, _PLAIN[kind]) if is_packed else _PLAIN[kind]
    archive = spliced(good, data[1:])
    if how & _MENDED and not is_packed and kind is not ArchiveFormat.ZIP:
        archive = with_checksums(archive)
    if kind.is_compressed_tar and not is_packed and not _begins_as(kind, archive):
        archive = _packed(kind, archive)
    return kind, archive


def with_checksums(archive: bytes) -> bytes:
    """The tar with the checksum of every block that has a header's magic."""
    blocks = [bytearray(archive[at : at + BLOCK]) for at in range(0, len(archive), BLOCK)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def _begins_as(kind: ArchiveFormat, archive: bytes) -> bool:
    magic = b"\x1f\x8b" if kind is ArchiveFormat.TGZ else b"\x04\x22\x4d\x18"
    return archive.startswith(magic)


def _packed(kind: ArchiveFormat, archive: bytes) -> bytes:
    match kind:
        case ArchiveFormat.TGZ:
            return gzip.compress(archive, 1, mtime=0)
        case ArchiveFormat.TAR_LZ4:
            return bytes(lz4.frame.compress(archive))
    return archive


async def _use(kind: ArchiveFormat, archive: bytes) -> None:
    """Everything that is done with archives."""
    store = MemoryBackend()
    await store.create_bucket(_BUCKET, BucketOptions("owner"))
    await store.put_object(_BUCKET, "broken", body_of(archive), put_options())
    with suppress(StorageError):
        await Archives().open(store, _BUCKET, "broken")
    shard = await Archives().open(store, _BUCKET, "broken", kind=kind)
    members = await _listed(shard)
    await _look_into(shard)
    for member in members:
        await _read(shard, member)
    with suppress(StorageError):
        assert await shard.find("no such member") is None or members
    for mode, wanted in [(Mode.REGEXP, "^[ab].*g$"), (Mode.PREFIX, "b"), (Mode.WDSKEY, "d/ü")]:
        await _select(shard, Selection(mode, wanted))
    await _append(shard)


async def _listed(shard: Shard) -> list[Member]:
    found: list[Member] = []
    with suppress(StorageError):
        async with aclosing(shard.members()) as members:
            async for member in members:
                found.append(member)
                if len(found) == _MOST_MEMBERS:
                    break
    return found


async def _look_into(shard: Shard) -> None:
    try:
        contents = await shard.contents()
    except StorageError:
        return
    index = await shard.index()
    saved = index.to_bytes()
    assert ShardIndex.from_bytes(saved).to_bytes() == saved
    names = [row if isinstance(row, str) else row.name for row in contents.rows(ListQuery())]
    assert names == sorted(names, key=str.encode)
    for name in names[:_MOST_MEMBERS]:
        assert contents.find(name.removeprefix(contents.base)) is not None
    assert len(list(contents.rows(ListQuery(delimiter="/")))) <= 1 + len(names)


async def _read(shard: Shard, member: Member) -> None:
    """Whole and in part: what HEAD tells is what comes, or an error ends it."""
    for part in (None, From(1), Last(3)):
        with suppress(StorageError):
            told = await shard.head(member.name, part)
            got = await shard.open(member.name, part)
            assert (got.member.size, got.span) == (told.member.size, told.span)
            length, is_whole = await _length(got.body)
            assert length == len(got.span) or not is_whole, (length, got)


async def _select(shard: Shard, selection: Selection) -> None:
    with suppress(StorageError):
        async with aclosing(shard.select(selection)) as chosen:
            async for got in chosen:
                assert selection.takes(got.member.name)
                if not (await _length(got.body))[1]:
                    break


async def _append(shard: Shard) -> None:
    """What is appended to is refused, or can be read afterwards."""
    kind, store = shard.format, shard.source.store
    try:
        made = b"".join([piece async for piece in _short(archive_of(kind, _added(), shard))])
    except StorageError:
        return
    if len(made) >= _MOST_READ:
        return
    await store.put_object(_BUCKET, "appended", body_of(made), put_options())
    again = await Archives().open(store, _BUCKET, "appended", kind=kind)
    try:
        await again.head("zzz/new")
    except MemberNotFound:
        raise AssertionError("what was appended is not there") from None
    except StorageError:
        # A member of that name was there, and cannot be read.
        assert await shard.find("zzz/new") is not None


async def _added() -> AsyncGenerator[Addition, None]:
    yield Addition(Entry("zzz/new", 3), b"new")


async def _short(pieces: Stream) -> Stream:
    size = 0
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece
            size += len(piece)
            if size >= _MOST_READ:
                return


async def _length(body: bytes | Stream) -> tuple[int, bool]:
    """How many bytes came, and whether they were all; each piece is as short as one may be."""
    if isinstance(body, bytes):
        return len(body), True
    size = 0
    async with aclosing(body):
        async for piece in body:
            assert len(piece) <= PIECE
            size += len(piece)
            if size >= _MOST_READ:
                return size, False
    return size, True
