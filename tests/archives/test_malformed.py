"""Archives that are none: every one is a precise error, and none is a crash."""

from __future__ import annotations

import gzip
import random
import struct
import tarfile
import zlib
from collections.abc import Callable
from contextlib import suppress

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import ArchiveFormat
from storage.archives.member import MAX_NAME, plain, plain_bytes
from storage.archives.tar_walk import BLOCK, MAX_EXTENDED
from storage.archives.unpacking import PIECE, Inflater, Lz4Unpacker, Unpacker
from storage.errors import (
    MalformedArchive,
    MemberNotFound,
    NotSupported,
    RangeNotSatisfiable,
    StorageError,
)
from storage.ranges import Between
from tests.archives.made import Files, made, tar, zipped
from tests.archives.stored import Stored, in_memory

FILES: Files = [("a", b"first" * 30), ("b" * 150, b"second"), ("ü", bytes(3000))]
EXPECTED = (MalformedArchive, MemberNotFound, NotSupported, RangeNotSatisfiable)


@pytest.fixture(scope="module")
def stored() -> Stored:
    return in_memory()


def read_all(stored: Stored, kind: ArchiveFormat, archive: bytes) -> None:
    """Whatever comes of it, it is one of the errors that are told."""
    stored.put("broken", archive)
    with suppress(MalformedArchive):
        for member in stored.members("broken", kind)[:20]:
            with suppress(*EXPECTED):
                # However large it says that it is.
                stored.read("broken", member.name, Between(0, 5000), kind)


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_an_archive_that_was_cut_off_anywhere(stored: Stored, kind: ArchiveFormat) -> None:
    archive = made(kind, FILES)
    step = max(1, len(archive) // 150)
    for length in range(0, len(archive), step):
        read_all(stored, kind, archive[:length])


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_an_archive_with_any_bytes_changed(stored: Stored, kind: ArchiveFormat) -> None:
    archive = made(kind, FILES)
    chosen = random.Random(kind.value)
    for _ in range(300):
        broken = bytearray(archive)
        for _ in range(chosen.choice((1, 2, 8))):
            broken[chosen.randrange(len(broken))] = chosen.choice((0, 255, chosen.randrange(256)))
        read_all(stored, kind, bytes(broken))


@given(kind=st.sampled_from(ArchiveFormat), content=st.binary(max_size=3000))
@settings(max_examples=200, deadline=None)
def test_bytes_that_never_were_an_archive(
    stored: Stored, kind: ArchiveFormat, content: bytes
) -> None:
    read_all(stored, kind, content)
    packed = {ArchiveFormat.TGZ: gzip.compress, ArchiveFormat.TAR_LZ4: lz4.frame.compress}
    if kind in packed:
        read_all(stored, kind, packed[kind](content))


@given(fields=st.lists(st.integers(0, 0xFFFF), min_size=8, max_size=8), tail=st.binary(max_size=90))
@settings(max_examples=200, deadline=None)
def test_end_records_and_entries_of_any_numbers(
    stored: Stored, fields: list[int], tail: bytes
) -> None:
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *fields[:2], fields[2], fields[3], 0)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields[:6], *fields[3:6], *fields[:5], 0, 0)
    for archive in (tail + end, tail + entry + tail + end, tail + entry + end + b"PK\6\7" + end):
        read_all(stored, ArchiveFormat.ZIP, archive)


def header(**changed: bytes) -> bytes:
    block = bytearray(tar([("a", b"")])[:BLOCK])
    for name, value in changed.items():
        start = {"size": 124, "kind": 156, "mode": 100}[name]
        block[start : start + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "archive",
    [
        b"x" * BLOCK,
        header(size=b"77777777777\0"),
        header(size=b"\x80" + b"\xff" * 11),
        header(size=b"99999999999\0"),
        header(size=b"-0000000001\0"),
        header(kind=b"L", size=b"%011o\0" % (MAX_EXTENDED + 1)),
        header(kind=b"x", size=b"00000000000\0"),
        header(kind=b"x", size=b"00000000012\0") + b"9 path=x\n\n".ljust(BLOCK, b"\0"),
        header(kind=b"x", size=b"00000000012\0") + b"99 path=xx".ljust(BLOCK, b"\0"),
        header(kind=b"x", size=b"00000000013\0") + b"11 size=-1\n".ljust(BLOCK, b"\0") + header(),
        header(kind=b"L", size=b"00000000012\0"),
        header()[:-1],
    ],
)
def test_a_tar_header_that_cannot_be_is_malformed(stored: Stored, archive: bytes) -> None:
    stored.put("odd.tar", archive)
    with pytest.raises(MalformedArchive):
        stored.members("odd.tar")


def test_a_name_may_be_longer_than_any_header_but_not_endless(stored: Stored) -> None:
    stored.put("long.tar", tar([("n" * 70_000, b"x")]))
    assert stored.read("long.tar", "n" * 70_000) == b"x"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_name_is_bounded(stored: Stored, form: int) -> None:
    stored.put("long.tar", tar([("n" * (MAX_NAME + 1), b"x")], form))
    with pytest.raises(MalformedArchive, match=f"a name of {MAX_NAME + 1} bytes"):
        stored.members("long.tar")


def test_an_extended_header_is_of_the_one_member_that_follows(stored: Stored) -> None:
    """Headers do not add up: of several before a member the last one counts."""

    def extended(record: bytes) -> bytes:
        return header(kind=b"x", size=b"%011o\0" % len(record)) + record.ljust(BLOCK, b"\0")

    first, second = b"16 path=another\n", b"12 other=ok\n"
    stored.put("two.tar", extended(first) + extended(second) + header() + bytes(2 * BLOCK))
    assert [each.name for each in stored.members("two.tar")] == ["a"]
    stored.put("one.tar", extended(first) + header() + header() + bytes(2 * BLOCK))
    assert [each.name for each in stored.members("one.tar")] == ["another", "a"]


@given(st.text("./a", max_size=12))
def test_a_plain_name_has_nothing_before_it(name: str) -> None:
    expected = name
    while expected.startswith(("./", "/")):
        expected = expected[2:] if expected[0] == "." else expected[1:]
    assert plain(name) == expected
    assert plain_bytes(name.encode()) == expected.encode()


def test_a_deflated_member_gives_no_more_than_it_says(stored: Stored) -> None:
    """A bomb: a few bytes that unpack to many, told to be few."""
    content = bytes(50 << 20)
    archive = bytearray(zipped([("bomb", content)]))
    at = archive.index(b"PK\1\2")
    archive[at + 24 : at + 28] = struct.pack("<I", 1000)
    stored.put("bomb.zip", bytes(archive))
    with pytest.raises(MalformedArchive, match="not what its ZIP says"):
        stored.read("bomb.zip", "bomb")


PACKERS = [
    (lambda content: gzip.compress(content, mtime=0), lambda: Inflater(31)),
    (lz4.frame.compress, Lz4Unpacker),
]


@pytest.mark.parametrize(("compress", "unpacker"), PACKERS)
@pytest.mark.parametrize("content", [b"", b"x"])
def test_thousands_of_short_members_are_one_step(
    compress: Callable[[bytes], bytes], unpacker: Callable[[], Unpacker], content: bytes
) -> None:
    """Each was a hop into a thread with all that followed it copied."""
    count = 10_000
    opened = unpacker()
    assert opened.unpack(compress(content) * count) == content * count
    assert opened.needs_input
    assert opened.finished


@pytest.mark.parametrize(("compress", "unpacker"), PACKERS)
def test_what_precedes_a_damaged_member_is_given_first(
    compress: Callable[[bytes], bytes], unpacker: Callable[[], Unpacker]
) -> None:
    opened, good = unpacker(), compress(b"good")
    damaged = bytearray(compress(bytes(range(256)) * 9))
    damaged[-8:] = b"\xff" * 8
    assert opened.unpack(good * 3 + damaged).startswith(b"good" * 3)
    with pytest.raises(MalformedArchive):
        _unpack_all(opened)


def _unpack_all(opened: Unpacker) -> None:
    while not opened.needs_input:
        opened.unpack(b"")


@pytest.mark.parametrize(("compress", "unpacker"), PACKERS)
@given(
    contents=st.lists(st.binary(max_size=9) | st.integers(0, 1 << 20).map(bytes), max_size=5),
    cut=st.integers(1, 3000),
)
@settings(max_examples=60, deadline=None)
def test_members_in_a_row_however_they_arrive(
    compress: Callable[[bytes], bytes],
    unpacker: Callable[[], Unpacker],
    contents: list[bytes],
    cut: int,
) -> None:
    opened, archive, got = unpacker(), b"".join(map(compress, contents)), b""
    for at in range(0, len(archive), cut):
        got += opened.unpack(archive[at : at + cut])
        while not opened.needs_input:
            piece = opened.unpack(b"")
            assert len(piece) <= PIECE
            got += piece
    assert got == b"".join(contents)


def test_a_deflated_member_that_is_damaged_is_told_at_its_end(stored: Stored) -> None:
    archive = bytearray(zipped([("a", b"0123456789" * 1000)]))
    at = archive.index(b"PK\1\2")
    archive[at + 16 : at + 20] = struct.pack("<I", zlib.crc32(b"another"))
    stored.put("crc.zip", bytes(archive))
    with pytest.raises(MalformedArchive, match="not what its ZIP says"):
        stored.read("crc.zip", "a")


def test_the_errors_say_which_archive_and_why(stored: Stored) -> None:
    stored.put("shard-1.tar", tar(FILES)[:600])
    with pytest.raises(StorageError, match=r"shard-1\.tar was cut off"):
        stored.members("shard-1.tar")
