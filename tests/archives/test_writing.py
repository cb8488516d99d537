"""Archives that we write, read back by Python's own library."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import ArchiveFormat, Entry, archive_writer, packed
from storage.values import Stream
from tests.archives.made import Files, read_back
from tests.storage.event_loop import run

FORMATS = list(ArchiveFormat)
names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300
).map(lambda name: name.strip("/. ")).filter(bool)  # fmt: skip
files = st.lists(st.tuples(names, st.binary(max_size=1500), st.booleans()), max_size=8)


def written(kind: ArchiveFormat, files: list[tuple[str, bytes, bool]]) -> bytes:
    writer, archive = archive_writer(kind), b""
    for name, content, streams in files:
        entry = Entry(name, len(content), 1_700_000_000)
        if streams:
            archive += writer.begin(entry)
            archive += writer.content(content[:7]) + writer.content(content[7:]) + writer.end()
        else:
            archive += writer.whole(entry, content)
    archive += writer.finish()
    if not kind.is_compressed_tar:
        return archive
    pieces = (archive[at : at + 5000] for at in range(0, len(archive), 5000))

    async def packing() -> bytes:
        return b"".join([piece async for piece in packed(kind, stream_of(pieces))])

    return run(packing())


async def stream_of(pieces: Iterable[bytes]) -> Stream:
    for piece in pieces:
        yield piece


@given(kind=st.sampled_from(FORMATS), files=files)
@settings(max_examples=200, deadline=None)
def test_what_was_written_is_read_back(
    kind: ArchiveFormat, files: list[tuple[str, bytes, bool]]
) -> None:
    expected: Files = [(name, content) for name, content, _ in files]
    assert read_back(kind, written(kind, files)) == expected


@pytest.mark.parametrize("kind", FORMATS)
def test_an_archive_of_nothing_is_one(kind: ArchiveFormat) -> None:
    assert read_back(kind, written(kind, [])) == []


def test_a_tar_tells_of_sizes_that_octal_digits_do_not_hold() -> None:
    size = (1 << 33) + 5
    head = archive_writer(ArchiveFormat.TAR).begin(Entry("big", size))
    info = tarfile.TarInfo.frombuf(head[-512:], "utf-8", "strict")
    assert info.name == "big"
    with tarfile.open(fileobj=io.BytesIO(head)) as archive:
        first = archive.next()
    assert first is not None
    assert first.size == size


def test_a_zip_of_more_than_65535_members_is_read() -> None:
    writer = archive_writer(ArchiveFormat.ZIP)
    archive = b"".join(writer.whole(Entry(str(number), 0), b"") for number in range(70_000))
    with zipfile.ZipFile(io.BytesIO(archive + writer.finish())) as opened:
        assert len(opened.infolist()) == 70_000


def test_the_time_of_modification_is_kept() -> None:
    archive = written(ArchiveFormat.TAR, [("a", b"x", False)])
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getmembers()[0].mtime == 1_700_000_000
    archive = written(ArchiveFormat.ZIP, [("a", b"x", False)])
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        assert zipped.infolist()[0].date_time == (2023, 11, 14, 22, 13, 20)
