"""Archives that are made and written on, against Python's own libraries as the model."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import Addition, Additions, ArchiveFormat, Entry, NotAsLong, archive_of
from storage.archives.tar_walk import BLOCK
from storage.errors import MalformedArchive
from storage.values import Stream
from tests.archives.made import Files, made, read_back, tar, zipped
from tests.archives.stored import BUCKET, Stored, in_memory
from tests.storage.event_loop import run

FORMATS = list(ArchiveFormat)
names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=150
).map(lambda name: name.strip("/. ")).filter(bool)  # fmt: skip
files = st.lists(
    st.tuples(names, st.binary(max_size=1500)), max_size=6, unique_by=lambda file: file[0]
)


async def additions(files: Files, cut: int) -> Additions:
    """Bodies whole and in pieces, by turns."""
    for number, (name, content) in enumerate(files):
        body = content if number % 2 else pieces(content, cut)
        yield Addition(Entry(name, len(content), 1_700_000_000), body)


async def pieces(content: bytes, cut: int) -> Stream:
    for at in range(0, len(content), cut):
        yield content[at : at + cut]


def made_of(kind: ArchiveFormat, files: Files, prior: bytes | None = None, cut: int = 700) -> bytes:
    stored = in_memory()
    name = f"prior{kind.value}"
    if prior is not None:
        stored.put(name, prior)
    return run(_made(stored, kind, files, name if prior is not None else None, cut))


async def _made(
    stored: Stored, kind: ArchiveFormat, files: Files, prior: str | None, cut: int
) -> bytes:
    shard = None
    if prior is not None:
        shard = await stored.archives.open(stored.store, BUCKET, prior)
    return b"".join([piece async for piece in archive_of(kind, additions(files, cut), shard)])


@given(kind=st.sampled_from(FORMATS), old=files, new=files, cut=st.integers(1, 2000))
@settings(max_examples=150, deadline=None)
def test_what_is_appended_stands_behind_what_was_there(
    kind: ArchiveFormat, old: Files, new: Files, cut: int
) -> None:
    archive = made_of(kind, new, made(kind, old), cut)
    assert read_back(kind, archive) == [*old, *new]


@given(kind=st.sampled_from(FORMATS), rounds=st.lists(files, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_our_own_archives_can_be_written_on_again_and_again(
    kind: ArchiveFormat, rounds: list[Files]
) -> None:
    archive, expected = made_of(kind, []), list[tuple[str, bytes]]()
    for added in rounds:
        archive = made_of(kind, added, archive)
        expected += added
    assert read_back(kind, archive) == expected
    stored = in_memory()
    stored.put(f"a{kind.value}", archive)
    assert [member.name for member in stored.members(f"a{kind.value}")] == [
        name for name, _ in expected
    ]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_kind_of_tar_is_written_on(form: int) -> None:
    old = [("d/" + "n" * (90 if form == tarfile.USTAR_FORMAT else 250), b"x" * 700_000), ("b", b"")]
    archive = made_of(ArchiveFormat.TAR, [("new", b"1")], tar(old, form))
    assert read_back(ArchiveFormat.TAR, archive) == [*old, ("new", b"1")]


@pytest.mark.parametrize("end", [0, 1, 2, 40])
def test_a_tar_may_have_any_end_or_none(end: int) -> None:
    bare = tar([("a", b"123")])[:1024]
    archive = made_of(ArchiveFormat.TAR, [("b", b"4")], bare + bytes(512 * end))
    assert read_back(ArchiveFormat.TAR, archive) == [("a", b"123"), ("b", b"4")]
    # Some writers leave out the last padding, too.
    archive = made_of(ArchiveFormat.TAR, [("b", b"4")], bare[:515])
    assert read_back(ArchiveFormat.TAR, archive) == [("a", b"123"), ("b", b"4")]


@pytest.mark.parametrize("length", [1, 511, 513, 514, 1025, 1500])
def test_nothing_is_appended_to_a_tar_that_was_cut_off(length: int) -> None:
    archive = tar([("a", b"123"), ("b", b"x" * 600)])
    with pytest.raises(MalformedArchive):
        made_of(ArchiveFormat.TAR, [("c", b"")], archive[:length])


@pytest.mark.parametrize("name", [b"", b"longer"])
@pytest.mark.parametrize("kind", [b"L", b"K", b"x"])
def test_nothing_is_appended_behind_an_extended_header(kind: bytes, name: bytes) -> None:
    """What is appended would be taken for the member that the header is of, were it never so
    empty."""
    content = b"%d mtime=%s\n" % (len(name) + 9, name) if kind == b"x" else name + b"\0"
    archive = tar([("a", b"")])[:BLOCK] + header(kind, len(content)) + content.ljust(BLOCK, b"\0")
    for ended in (archive, archive + bytes(2 * BLOCK)):
        with pytest.raises(MalformedArchive):
            made_of(ArchiveFormat.TAR, [("c", b"")], ended)


def test_a_tar_may_end_with_a_header_for_all_that_follows() -> None:
    record = b"13 comment=x\n"
    archive = tar([("a", b"")])[:BLOCK] + header(b"g", len(record)) + record.ljust(BLOCK, b"\0")
    grown = made_of(ArchiveFormat.TAR, [("c", b"")], archive)
    assert [name for name, _ in read_back(ArchiveFormat.TAR, grown)] == ["a", "c"]


def header(kind: bytes, size: int) -> bytes:
    """Of a member of that kind, which tells of one that follows."""
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_appended_to_what_is_no_archive(kind: ArchiveFormat) -> None:
    with pytest.raises(MalformedArchive):
        made_of(kind, [("a", b"")], b"no archive at all" * 100)


def test_an_empty_object_is_an_empty_tar() -> None:
    archive = made_of(ArchiveFormat.TAR, [("a", b"1")], b"")
    assert read_back(ArchiveFormat.TAR, archive) == [("a", b"1")]


def test_a_zip_keeps_what_stands_before_it_and_behind_it() -> None:
    written = io.BytesIO()
    written.write(b"#!/bin/sh\n" * 10)
    with zipfile.ZipFile(written, "a") as opened:
        opened.writestr("a", b"123", zipfile.ZIP_DEFLATED)
        opened.comment = b"a comment"
    archive = made_of(ArchiveFormat.ZIP, [("b", b"4")], written.getvalue())
    assert archive.startswith(b"#!/bin/sh\n")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.comment == b"a comment"
    assert read_back(ArchiveFormat.ZIP, archive) == [("a", b"123"), ("b", b"4")]


def test_a_zip_grows_beyond_65535_members() -> None:
    many = [(str(number), b"") for number in range(65_534)]
    archive = made_of(ArchiveFormat.ZIP, [("x", b"1"), ("y", b"2")], zipped(many))
    archive = made_of(ArchiveFormat.ZIP, [("z", b"3")], archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert len(opened.infolist()) == 65_537
        assert [opened.read(name) for name in "xyz"] == [b"1", b"2", b"3"]


def test_a_zips_directory_that_lies_about_its_entries_is_not_written_on() -> None:
    archive = bytearray(zipped([("a", b"123")]))
    struct.pack_into("<HH", archive, len(archive) - 22 + 8, 7, 7)
    with pytest.raises(MalformedArchive):
        made_of(ArchiveFormat.ZIP, [("b", b"")], bytes(archive))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("body", [b"12", b"1234"])
def test_an_entry_of_another_length_is_none(kind: ArchiveFormat, body: bytes) -> None:
    async def lying(bodies: Sequence[bytes | Stream]) -> bytes:
        async def said() -> Additions:
            for each in bodies:
                yield Addition(Entry("a", 3), each)

        return b"".join([piece async for piece in archive_of(kind, said())])

    for bodies in ([body], [pieces(body, 1)]):
        with pytest.raises(NotAsLong):
            run(lying(bodies))
