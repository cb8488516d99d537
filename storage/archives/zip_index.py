"""Index of a ZIP from its central directory.

The directory is at the end of the file:

    [local header, content]... [central directory] [zip64 end, its locator] [end record, comment]

Sizes, offsets and CRCs are those of the directory; of a local header only its own length is
needed. Bytes before the first member, as of a self-extracting program, shift all offsets.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import asyncio
import struct

from msgspec import Struct
from msgspec.structs import replace

from storage.archives.index import IndexBuilder, ShardIndex
from storage.archives.member import Member, Packing
from storage.archives.source import WINDOW, Source
from storage.errors import MalformedArchive

LOCAL = struct.Struct("<4s5H3I2H")
LOCAL_MAGIC = b"PK\x03\x04"

_END = struct.Struct("<4s4H2IH")
_END_MAGIC = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sIQI")
_LOCATOR_MAGIC = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2I4Q")
_END64_MAGIC = b"PK\x06\x06"
_ENTRY = struct.Struct("<4s6H3I5H2I")
_ENTRY_MAGIC = b"PK\x01\x02"

_MAX_COMMENT = 0xFFFF
_FULL = 0xFFFFFFFF
_FULL_SHORT = 0xFFFF
_ZIP64_EXTRA = 1
_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_UTF8 = 1 << 11
_STORED, _DEFLATED = 0, 8
# The longest that an entry can be.
_MAX_ENTRY = _ENTRY.size + 3 * 0xFFFF
_MAX_DIRECTORY = 1 << 30


class Directory(Struct, frozen=True):
    """Where the central directory lies; `shift` counts the bytes before the archive, `comment` is
    after it."""

    start: int
    stop: int
    shift: int
    entries: int
    comment: bytes = b""


async def index_zip(source: Source) -> ShardIndex:
    """Raises `MalformedArchive`."""
    directory = await find_directory(source)
    builder = IndexBuilder(zipped=True)
    at, count = directory.start, 0
    while at < directory.stop:
        needed = min(at + _MAX_ENTRY, directory.stop)
        window = await source.read(at, min(max(needed, at + WINDOW), directory.stop))
        ends = at + len(window) == directory.stop
        length, entries = await asyncio.to_thread(_add_all, builder, window, directory, ends=ends)
        at += length
        count += entries
    if count != directory.entries:
        raise _malformed(f"its directory has {count} entries and tells of {directory.entries}")
    return await asyncio.to_thread(builder.build)


def _add_all(
    builder: IndexBuilder, window: bytes, directory: Directory, *, ends: bool
) -> tuple[int, int]:
    """Add the entries that the window has whole, all of it where the directory `ends`; return their
    bytes, and how many they are."""
    at, count = 0, 0
    last = len(window) if ends else len(window) - _MAX_ENTRY
    while at < last:
        member, length = _entry(window, at, directory)
        if member is not None:
            builder.add(member)
        at += length
        count += 1
    return at, count


async def find_directory(source: Source) -> Directory:
    """Raises `MalformedArchive`."""
    tail_start = max(0, source.size - _END.size - _MAX_COMMENT - _LOCATOR.size)
    tail = await source.read(tail_start, source.size)
    at = _end_record(tail)
    _, disk, _, _, entries, size, offset, _ = _END.unpack_from(tail, at)
    stop, comment = tail_start + at, _comment(tail, at)
    if disk not in (0, _FULL_SHORT):
        raise _malformed("it is one of several volumes")
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size : at].startswith(_LOCATOR_MAGIC):
        found = await _find_directory64(source, tail, at - _LOCATOR.size, stop - _LOCATOR.size)
    else:
        found = _directory(entries, size, offset, stop)
    return replace(found, comment=comment)


def _comment(tail: bytes, at: int) -> bytes:
    begin = at + _END.size
    return tail[begin : begin + int.from_bytes(tail[begin - 2 : begin], "little")]


def _end_record(tail: bytes) -> int:
    """The last place that can be one: a comment may hold the same letters."""
    at = len(tail) - _END.size
    while (at := tail.rfind(_END_MAGIC, 0, at + 4)) >= 0:
        comment = int.from_bytes(tail[at + 20 : at + 22], "little")
        if at + _END.size + comment <= len(tail):
            return at
        at -= 1
    raise _malformed("it has no end record")


async def _find_directory64(
    source: Source, tail: bytes, locator: int, locator_at: int
) -> Directory:
    end_at = _LOCATOR.unpack_from(tail, locator)[2]
    # Where it says, or right before the locator when there are bytes before the archive.
    for at in (end_at, locator_at - _END64.size):
        if 0 <= at <= locator_at - _END64.size:
            record = await source.read(at, at + _END64.size)
            if record.startswith(_END64_MAGIC):
                *_, entries, size, offset = _END64.unpack(record)
                return _directory(entries, size, offset, at)
    raise _malformed("its zip64 end record is not where it should be")


def _directory(entries: int, size: int, offset: int, stop: int) -> Directory:
    start = stop - size
    if start < offset or size > _MAX_DIRECTORY:
        raise _malformed("its directory is not where it should be")
    return Directory(start, stop, start - offset, entries)


def _entry(window: bytes, at: int, directory: Directory) -> tuple[Member | None, int]:
    """A member (None for a folder), and how long its entry is."""
    if len(window) - at < _ENTRY.size or window[at : at + 4] != _ENTRY_MAGIC:
        raise _malformed("its directory has an entry that is none")
    fields = _ENTRY.unpack_from(window, at)
    _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment = fields[
        :13
    ]
    offset = fields[16]
    length = _ENTRY.size + name_length + extra_length + comment
    if at + length > len(window):
        raise _malformed("its directory was cut off")
    name = window[at + _ENTRY.size : at + _ENTRY.size + name_length]
    extra = window[at + _ENTRY.size + name_length : at + length - comment]
    size, packed, offset = _wide(size, packed, offset, extra)
    offset += directory.shift
    if offset + LOCAL.size + packed > directory.start:
        raise _malformed("a member lies outside of it")
    if name.endswith(b"/"):
        return None, length
    packing = _packing(flags, method)
    if packing is Packing.ZIP_STORED and size != packed:
        raise _malformed("a stored member has two sizes")
    return Member(_text(name, flags), offset, size, packing, packed, crc), length


def _packing(flags: int, method: int) -> Packing:
    if flags & _ENCRYPTED:
        return Packing.ENCRYPTED
    if method == _STORED:
        return Packing.ZIP_STORED
    return Packing.ZIP_DEFLATED if method == _DEFLATED else Packing.UNKNOWN


def _text(name: bytes, flags: int) -> str:
    return name.decode("utf-8", "surrogateescape") if flags & _UTF8 else _old_text(name)


def _old_text(name: bytes) -> str:
    """Without the flag it is IBM's old alphabet; many write UTF-8 all the same."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _wide(size: int, packed: int, offset: int, extra: bytes) -> tuple[int, int, int]:
    """Numbers that do not fit are in the extra field, only those, in this order."""
    if _FULL not in (size, packed, offset):
        return size, packed, offset
    wide = _zip64(extra)
    numbers = []
    for number in (size, packed, offset):
        if number == _FULL:
            if len(wide) < 8:
                raise _malformed("a member's zip64 sizes are missing")
            number, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        numbers.append(number)
    return numbers[0], numbers[1], numbers[2]


def _zip64(extra: bytes) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64_EXTRA:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _malformed(why: str) -> MalformedArchive:
    return MalformedArchive(f"no ZIP that can be read: {why}")
