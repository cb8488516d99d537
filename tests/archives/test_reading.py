"""Members of archives of all formats, with Python's own library as the model."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import ArchiveFormat, Archives, IndexCache, Mode, SavedIndexes
from storage.archives.selection import BadSelection, Selection
from storage.errors import (
    MalformedArchive,
    MemberNotFound,
    NotAnArchive,
    NotSupported,
    RangeNotSatisfiable,
)
from storage.ranges import Between, From, Last
from tests.archives.made import Files, made, tar, zipped
from tests.archives.stored import Counting, Stored, in_memory, on_disk

FORMATS = list(ArchiveFormat)
BIG = os.urandom(700_000) + bytes(700_000)
FILES: Files = [
    ("a", b"first"),
    ("folder/empty", b""),
    ("n" * 99 + "/" + "m" * 140, b"long name"),
    ("deep/" * 60 + "end", b"longer name"),
    ("ümläut/日本", b"not ASCII"),
    ("big", BIG),
    ("a.tar", b"last"),
]
PARTS = [None, Between(0, 1), Between(1, 600_000), From(699_999), Last(3), Between(5, 9_999_999)]

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=130)
usable = names.map(lambda name: name.strip("/. ")).filter(bool)
files = st.lists(
    st.tuples(usable, st.binary(max_size=1500)), max_size=8, unique_by=lambda file: file[0]
)


@pytest.fixture(scope="module")
def stored() -> Stored:
    return in_memory()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_member_is_read_byte_for_byte(stored: Stored, kind: ArchiveFormat) -> None:
    stored.put(f"x{kind.value}", made(kind, FILES))
    for name, content in FILES:
        assert stored.read(f"x{kind.value}", name) == content
    listed = stored.members(f"x{kind.value}")
    assert [(each.name, each.size) for each in listed] == [(n, len(c)) for n, c in FILES]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_part_of_a_member_is_that_part(tmp_path: Path, kind: ArchiveFormat) -> None:
    with on_disk(tmp_path) as stored:
        stored.put(f"x{kind.value}", made(kind, FILES))
        for part in PARTS:
            expected = BIG
            match part:
                case Between(start, stop):
                    expected = BIG[start:stop]
                case From(start):
                    expected = BIG[start:]
                case Last(count):
                    expected = BIG[-count:]
            assert stored.read(f"x{kind.value}", "big", part) == expected
        with pytest.raises(RangeNotSatisfiable):
            stored.read(f"x{kind.value}", "a", From(5))


@given(files=files, kind=st.sampled_from(FORMATS), form=st.sampled_from([0, 1, 2]))
@settings(max_examples=150, deadline=None)
def test_any_archive_is_read_as_pythons_library_reads_it(
    stored: Stored, files: Files, kind: ArchiveFormat, form: int
) -> None:
    archive = made(kind, files)
    if kind is ArchiveFormat.TAR:
        files = _short(files) if form == tarfile.USTAR_FORMAT else files
        archive = tar(files, form)
    stored.put("any", archive)
    assert [each.name for each in stored.members("any", kind)] == [name for name, _ in files]
    first: dict[str, bytes] = {}
    for name, content in files:
        first.setdefault(name, content)
    for name, content in first.items():
        assert stored.read("any", name, kind=kind) == content


def _short(files: Files) -> Files:
    """The old form has room for a name of 100 bytes."""
    return [(name.encode()[:100].decode(errors="ignore").rstrip("/"), c) for name, c in files]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_format_is_told_by_name_by_first_bytes_or_by_who_asks(
    stored: Stored, kind: ArchiveFormat
) -> None:
    archive = made(kind, FILES)
    stored.put("plain", archive)
    assert stored.read("plain", "a") == b"first"
    stored.put("wrong.zip" if kind is not ArchiveFormat.ZIP else "wrong.tar", archive)
    wrong = "wrong.zip" if kind is not ArchiveFormat.ZIP else "wrong.tar"
    with pytest.raises(MalformedArchive):
        stored.read(wrong, "a")
    assert stored.read(wrong, "a", kind=kind) == b"first"


def test_what_is_no_archive_is_told_so(stored: Stored) -> None:
    for content in (b"", b"x", b"x" * 2000, bytes(2000)):
        stored.put("text", content)
        with pytest.raises(NotAnArchive):
            stored.read("text", "a")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_member_that_is_not_there_is_not_found(stored: Stored, kind: ArchiveFormat) -> None:
    stored.put(f"x{kind.value}", made(kind, FILES))
    for name in ("b", "", "folder", "big/"):
        with pytest.raises(MemberNotFound):
            stored.read(f"x{kind.value}", name)


@pytest.mark.parametrize("kind", FORMATS)
def test_names_with_a_dot_or_a_slash_in_front_are_the_same(
    stored: Stored, kind: ArchiveFormat
) -> None:
    stored.put(f"dots{kind.value}", made(kind, [("./a/b", b"1"), ("c", b"2")]))
    for name in ("a/b", "./a/b", "/a/b"):
        assert stored.read(f"dots{kind.value}", name) == b"1"
    assert stored.read(f"dots{kind.value}", "/c") == b"2"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_first_of_two_members_of_one_name_is_meant(stored: Stored, kind: ArchiveFormat) -> None:
    stored.put(f"twice{kind.value}", made(kind, [("a", b"1"), ("a", b"2")]))
    assert stored.read(f"twice{kind.value}", "a") == b"1"
    assert len(stored.members(f"twice{kind.value}")) == 2


def special_tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind, target in (
            ("folder", tarfile.DIRTYPE, ""),
            ("soft", tarfile.SYMTYPE, "file"),
            ("early", tarfile.LNKTYPE, "nothing"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        info = tarfile.TarInfo("file")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"file"))
        info = tarfile.TarInfo("hard")
        info.type, info.linkname = tarfile.LNKTYPE, "file"
        archive.addfile(info)
    return made.getvalue()


def test_folders_and_links_are_no_members_but_hard_links_are(stored: Stored) -> None:
    stored.put("special.tar", special_tar())
    assert [each.name for each in stored.members("special.tar")] == ["early", "file", "hard"]
    assert stored.read("special.tar", "hard") == b"file"
    for name in ("soft", "folder"):
        with pytest.raises(MemberNotFound):
            stored.read("special.tar", name)
    with pytest.raises(NotSupported, match="leads nowhere"):
        stored.read("special.tar", "early")
    stored.put("special.tgz", gzip.compress(special_tar()))
    with pytest.raises(NotSupported, match="hard link"):
        stored.read("special.tgz", "hard")


def sparse_tar() -> bytes:
    """GNU's old form with its map going on in another block, and the pax form."""
    files = [("old", b"d" * 600), ("pax", b"p" * 10), ("after", b"after")]
    archive = bytearray(tar(files, tarfile.GNU_FORMAT))
    header = bytearray(archive[:512])
    header[156:157], header[482] = b"S", 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = bytes(504) + b"\1" + bytes(7)
    last = bytes(512)
    info = tarfile.TarInfo("pax")
    info.size = 10
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "sparse"}
    pax = info.tobuf(tarfile.PAX_FORMAT)
    return bytes(header) + more + last + bytes(archive[512:1536]) + pax + bytes(archive[2048:])


def test_sparse_members_are_refused_and_the_others_read(stored: Stored) -> None:
    stored.put("sparse.tar", sparse_tar())
    assert [each.name for each in stored.members("sparse.tar")] == ["old", "sparse", "after"]
    assert stored.read("sparse.tar", "after") == b"after"
    for name in ("old", "sparse"):
        with pytest.raises(NotSupported, match="sparse"):
            stored.read("sparse.tar", name)


def test_encrypted_members_and_other_methods_of_a_zip_are_refused(stored: Stored) -> None:
    archive = bytearray(zipped([("a", b"x"), ("b", b"y")]))
    at = archive.index(b"PK\1\2")
    archive[at + 8] |= 1
    stored.put("secret.zip", bytes(archive))
    with pytest.raises(NotSupported, match="encrypted"):
        stored.read("secret.zip", "a")
    assert stored.read("secret.zip", "b") == b"y"
    stored.put("bz.zip", zipped([("a", b"x")], zipfile.ZIP_BZIP2))
    with pytest.raises(NotSupported, match="deflated"):
        stored.read("bz.zip", "a")


def test_a_zip_behind_a_program_or_with_a_comment_is_read(stored: Stored) -> None:
    made = io.BytesIO()
    made.write(b"#!/bin/sh\n" * 100)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("a", b"stored")
        archive.comment = b"PK\5\6 is how an end begins" * 20
    stored.put("program.zip", made.getvalue())
    assert stored.read("program.zip", "a") == b"stored"
    shifted = b"in front" * 100 + zipped([("a", b"x")])
    stored.put("shifted.zip", shifted)
    assert stored.read("shifted.zip", "a") == b"x"


def test_a_zip64_is_read(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    stored.put("wide.zip", zipped(FILES, zipfile.ZIP_STORED))
    monkeypatch.undo()
    for name, content in FILES:
        assert stored.read("wide.zip", name) == content


def test_several_gzip_members_and_padding_behind_them_are_one_stream(stored: Stored) -> None:
    archive = tar(FILES)
    pieces = gzip.compress(archive[:1000]) + gzip.compress(archive[1000:]) + bytes(100)
    stored.put("pieces.tgz", pieces)
    assert stored.read("pieces.tgz", "big") == BIG


def test_a_tar_is_indexed_without_reading_its_contents() -> None:
    store = Counting()
    stored = in_memory(store)
    stored.put("big.tar", tar([(str(number), bytes(3 << 20)) for number in range(4)]))
    assert len(stored.members("big.tar")) == 4
    assert store.read_bytes <= 5 * (512 << 10)
    before = store.read_bytes
    assert stored.read("big.tar", "3", Between(0, 10)) == bytes(10)
    assert store.read_bytes - before == 10


def test_another_archive_of_the_same_name_is_indexed_anew(stored: Stored) -> None:
    for content in (b"one", b"another"):
        stored.put("again.tar", tar([("x" * len(content), b"0"), ("a", content)]))
        assert stored.read("again.tar", "a") == content


def test_saved_indexes_survive_a_restart_and_a_damaged_file_is_only_slow(tmp_path: Path) -> None:
    store = Counting()
    stored = in_memory(store)
    stored.put("s.tar", tar(FILES))
    path = tmp_path / "indexes.db"
    reads = []
    for damage in (False, False, True):
        if damage:
            path.write_bytes(b"no database" * 1000)
        saved = SavedIndexes(path)
        stored.archives = Archives(IndexCache(saved=saved))
        before = store.read_bytes
        assert stored.read("s.tar", "a") == b"first"
        reads.append(store.read_bytes - before)
        saved.close()
    assert reads[1] == len(b"first") < reads[0] == reads[2]


def test_saved_indexes_take_a_limited_room(tmp_path: Path) -> None:
    store = Counting()
    stored = in_memory(store)
    saved = SavedIndexes(tmp_path / "indexes.db", limit_bytes=4000)
    stored.archives = Archives(IndexCache(limit_bytes=0, saved=saved))
    for number in range(20):
        stored.put(f"{number}.tar", tar([("a" * 50, b"x"), ("b" * 200, b"y")]))
        stored.read(f"{number}.tar", "a" * 50)
    before = store.read_bytes
    assert stored.read("19.tar", "a" * 50) == b"x"
    assert store.read_bytes - before == 1
    stored.read("0.tar", "a" * 50)
    assert store.read_bytes - before > 1000
    saved.close()


SAMPLES: Files = [
    ("d/001.jpg", b"1"),
    ("d/001.cls", b"2"),
    ("d/0010.jpg", b"3"),
    ("e/001.seg.png", b"4"),
    ("./d/002.jpg", b"5"),
]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("mode", "wanted", "chosen"),
    [
        (Mode.REGEXP, r"^d/\d{3}\.jpg$", b"15"),
        (Mode.REGEXP, "jpg|png", b"1345"),
        (Mode.PREFIX, "d/", b"1235"),
        (Mode.SUFFIX, ".jpg", b"135"),
        (Mode.SUBSTRING, "001.", b"124"),
        (Mode.WDSKEY, "d/001", b"12"),
        (Mode.WDSKEY, "e/001", b"4"),
        (Mode.WDSKEY, "e/001.seg", b""),
        (Mode.PREFIX, "none", b""),
    ],
)
def test_members_are_selected_in_the_order_of_the_archive(
    stored: Stored, kind: ArchiveFormat, mode: Mode, wanted: str, chosen: bytes
) -> None:
    stored.put(f"samples{kind.value}", made(kind, SAMPLES))
    selected = stored.select(f"samples{kind.value}", mode, wanted)
    assert b"".join(selected.values()) == chosen


@pytest.mark.parametrize("expression", ["(", "(?=a)", r"(a)\1", "a" * 2000, "((a{1000}){1000}){9}"])
def test_what_is_no_bounded_expression_is_refused(expression: str) -> None:
    with pytest.raises(BadSelection):
        Selection(Mode.REGEXP, expression)


def test_an_expression_that_explodes_elsewhere_does_not_here() -> None:
    assert not Selection(Mode.REGEXP, "(a+)+$x").takes("a" * 100_000)
