"""Encrypted objects: any size, any range, and no byte that can be changed, moved or cut unseen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.backends.local import LocalStore, StoreOptions
from storage.backends.local.index import connect
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.blobs.blob import BLOCK, FRAME, clear_size, read_footer
from storage.blobs.labels import ObjectLabel
from storage.blobs.work_file import WorkFile
from storage.cipher import KEY_BYTES, TAG_BYTES, FrameCipher
from storage.clock import SystemClock
from storage.errors import Corrupt, KeyRequired
from storage.index.rows import Chunk, Row, Single, decode_row, encode
from storage.ranges import Between
from storage.values import (
    BucketOptions,
    CompleteOptions,
    Encryption,
    PartOptions,
    PutOptions,
    ReadOptions,
    UploadInfo,
    UploadOptions,
)
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest, Refused
from tests.storage.encrypting import encrypted, unlock
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in, local_store
from tests.storage.sync_bucket import join_etags

BORDERS = [0, 1, 2, FRAME - 1, FRAME, FRAME + 1, BLOCK - 1, BLOCK, BLOCK + 1]
KEY = bytes(range(KEY_BYTES))

places = st.builds(
    lambda base, near: max(0, base + near),
    st.sampled_from([0, FRAME, BLOCK, 2 * FRAME, 2 * BLOCK]),
    st.integers(-2, 2),
)


class Folder:
    """A store of one mountpath without inline objects, and a way behind its back."""

    def __init__(self, path: Path, store: LocalStore) -> None:
        self.path = path
        self.store = store

    def put(self, name: str, content: bytes, *pieces: bytes) -> None:
        attributes = encrypted()
        assert attributes.encryption is not None
        options = PutOptions(Md5Digest(), attributes, data_key=attributes.encryption.wrapped)
        body = body_of(*pieces) if pieces else body_of(content)
        run(self.store.put_object("bucket", name, body, options))

    def read(self, name: str, want: Between | None = None) -> bytes:
        async def read() -> bytes:
            options = ReadOptions(want, unlock=unlock)
            return await content_of(await self.store.get_object("bucket", name, options))

        return run(read())

    def begin(self) -> tuple[UploadInfo, bytes]:
        options = UploadOptions("owner", encrypted())
        upload = run(self.store.create_upload("bucket", "parts", options))
        assert upload.attributes.encryption is not None
        return upload, upload.attributes.encryption.wrapped

    def put_part(self, upload: UploadInfo, number: int, content: bytes, key: bytes) -> None:
        options = PartOptions(Md5Digest(), key)
        body = body_of(content)
        run(self.store.put_part("bucket", "parts", upload.id, number, body, options))

    def complete(self, upload: UploadInfo, *numbers: int) -> int:
        options = CompleteOptions(numbers, join_etags)
        return run(self.store.complete_upload("bucket", "parts", upload.id, options)).size

    def row(self, name: str) -> Row:
        with_index: apsw.Connection = connect(self.path / "index.db")
        row: bytes = with_index.execute(
            "SELECT row FROM objects WHERE name = ?", (name.encode(),)
        ).get
        with_index.close()
        return decode_row(row)

    def replace(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Write a blob whose checksums are right and whose bytes are not what was encrypted."""
        row = self.row(name)
        assert isinstance(row.location, Single)
        (mountpath,) = read_mountpaths([self.path])
        path = Path(mountpath.blob(row.location.chunk.blob))
        footer = read_footer(path)
        assert isinstance(footer.label, ObjectLabel)
        sealed = change(path.read_bytes()[: footer.size])
        path.unlink()
        chunk = _write(mountpath, path.name, sealed, footer.label)
        forged = Row(
            clear_size(len(sealed)), row.etag, row.modified_ns, row.attributes, Single(chunk)
        )
        index = connect(self.path / "index.db")
        index.execute("UPDATE objects SET row = ? WHERE name = ?", (encode(forged), name.encode()))
        index.close()


def _write(mountpath: Mountpath, blob: str, sealed: bytes, label: ObjectLabel) -> Chunk:
    (mountpath.work / "forger").mkdir(exist_ok=True)
    file = WorkFile(mountpath, "forger")
    file.id = blob
    file._work, file._blob = f"{mountpath.work}/forger/{blob}", mountpath.blob(blob)
    for start in range(0, len(sealed), BLOCK):
        file.write(sealed[start : start + BLOCK])
    chunk = file.chunk()
    file.finish(label)
    file.keep()
    return chunk


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    path = tmp_path_factory.mktemp("store") / "mountpath"
    path.mkdir()
    with local_store([path], SystemClock(), StoreOptions(inline_limit=0)) as store:
        run(store.create_bucket("bucket", BucketOptions("owner")))
        yield Folder(path, store)


@settings(max_examples=40, deadline=None)
@given(size=places, start=places, length=places)
def test_any_range_of_any_size_reads_back(
    folder: Folder, size: int, start: int, length: int
) -> None:
    content = pattern(size)
    folder.put("a", content)
    assert folder.read("a") == content
    if start < size and length:
        assert folder.read("a", Between(start, start + length)) == content[start : start + length]


@pytest.mark.parametrize("size", BORDERS)
def test_a_body_in_pieces_of_any_size_reads_back(folder: Folder, size: int) -> None:
    content = pattern(2 * FRAME)
    pieces = [content[:size], b"", content[size:], b""]
    folder.put("pieces", content, *pieces)
    assert folder.read("pieces") == content


@pytest.mark.parametrize("size", BORDERS)
def test_a_blob_has_a_tag_for_each_frame_and_none_for_nothing(folder: Folder, size: int) -> None:
    folder.put("sized", pattern(size))
    row = folder.row("sized")
    assert row.size == size
    if size:
        assert isinstance(row.location, Single)
        assert row.location.chunk.size == size + -(-size // FRAME) * TAG_BYTES
        assert clear_size(row.location.chunk.size) == size


def test_neither_the_blob_nor_the_index_holds_the_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "mountpath"
    with local_store([path], SystemClock(), StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions("owner")))
        folder = Folder(path, store)
        folder.put("small", b"Kerckhoffs" * 5)
        folder.put("large", b"Kerckhoffs" * 5000)
        assert folder.read("small") == b"Kerckhoffs" * 5
    for file in filter(Path.is_file, path.rglob("*")):
        assert b"Kerckhoffs" not in file.read_bytes()


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 2 * BLOCK + 99), bit=st.integers(0, 7))
def test_any_flipped_bit_is_damage(folder: Folder, place: int, bit: int) -> None:
    folder.put("flipped", pattern(2 * FRAME + 100 - TAG_BYTES))

    def flip(sealed: bytes) -> bytes:
        assert len(sealed) == 2 * BLOCK + 100
        return sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :]

    folder.replace("flipped", flip)
    with pytest.raises(Corrupt, match="is not what was encrypted"):
        folder.read("flipped")


def test_a_range_reads_what_it_needs_and_no_more(folder: Folder) -> None:
    content = pattern(3 * FRAME)
    folder.put("ranged", content)
    folder.replace("ranged", lambda sealed: bytes(BLOCK) + sealed[BLOCK:])
    assert folder.read("ranged", Between(FRAME, 2 * FRAME + 1)) == content[FRAME : 2 * FRAME + 1]
    with pytest.raises(Corrupt):
        folder.read("ranged", Between(FRAME - 1, FRAME + 1))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda sealed: sealed[BLOCK:] + sealed[:BLOCK], id="swapped"),
        pytest.param(lambda sealed: sealed[:BLOCK], id="cut at a frame's end"),
        pytest.param(lambda sealed: sealed[:-1], id="cut in the last frame"),
        pytest.param(lambda sealed: sealed + sealed[BLOCK:], id="last frame repeated"),
        pytest.param(lambda sealed: sealed[:BLOCK] * 2, id="first frame repeated"),
    ],
)
def test_frames_cannot_be_moved_or_cut(folder: Folder, change: Callable[[bytes], bytes]) -> None:
    folder.put("moved", pattern(2 * FRAME))
    folder.replace("moved", change)
    with pytest.raises(Corrupt, match="is not what was encrypted"):
        folder.read("moved")


def test_the_bytes_of_one_blob_are_no_good_in_another_of_the_same_key() -> None:
    sealed = FrameCipher(KEY, "one").seal(b"content", 0, last=True)
    with pytest.raises(Corrupt):
        FrameCipher(KEY, "other").open(sealed, 0, last=True)


def test_a_part_uploaded_again_is_encrypted_anew(folder: Folder) -> None:
    before = blobs_in([folder.path])
    upload, key = folder.begin()
    folder.put_part(upload, 1, pattern(100), key)
    folder.put_part(upload, 1, pattern(100), key)
    new = [next(folder.path.rglob(name)) for name in blobs_in([folder.path]) - before]
    assert len({file.read_bytes()[:100] for file in new}) == 2
    assert folder.complete(upload, 1) == 100
    assert folder.read("parts") == pattern(100)


def test_ranges_cross_encrypted_parts_of_odd_sizes(folder: Folder) -> None:
    sizes = [FRAME, 0, 1, BLOCK, 2 * FRAME + 1, 7]
    upload, key = folder.begin()
    for number, size in enumerate(sizes, 1):
        folder.put_part(upload, number, pattern(size, number), key)
    content = b"".join(pattern(size, number) for number, size in enumerate(sizes, 1))
    assert folder.complete(upload, *range(1, 7)) == len(content)
    assert folder.read("parts") == content
    for start in (0, FRAME - 1, FRAME, FRAME + 1, FRAME + BLOCK, len(content) - 8):
        want = Between(start, start + FRAME + 2)
        assert folder.read("parts", want) == content[start : start + FRAME + 2]


@pytest.mark.parametrize("size", [0, 5, BLOCK])
def test_who_brings_no_key_reads_nothing(folder: Folder, size: int) -> None:
    folder.put("locked", pattern(size))
    with pytest.raises(KeyRequired):
        run(folder.store.get_object("bucket", "locked"))


@pytest.mark.parametrize("size", [0, 5])
def test_what_the_unlocking_raises_refuses_the_read(folder: Folder, size: int) -> None:
    async def refuse(record: Encryption) -> bytes:
        raise Refused("unlock")

    folder.put("refused", pattern(size))
    with pytest.raises(Refused):
        run(folder.store.get_object("bucket", "refused", ReadOptions(unlock=refuse)))


def test_another_key_is_damage(folder: Folder) -> None:
    async def other(record: Encryption) -> bytes:
        return os.urandom(KEY_BYTES)

    folder.put("other", pattern(5))
    with pytest.raises(Corrupt):
        run(folder.store.get_object("bucket", "other", ReadOptions(unlock=other)))


def test_a_key_without_a_record_and_a_record_without_a_key_are_mistakes(folder: Folder) -> None:
    for options in (
        PutOptions(Md5Digest(), data_key=KEY),
        PutOptions(Md5Digest(), encrypted()),
    ):
        with pytest.raises(ValueError, match="go together"):
            run(folder.store.put_object("bucket", "mistake", body_of(b"a"), options))


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FrameCipher(KEY[:16], "place")


def test_options_do_not_print_their_keys() -> None:
    assert repr(KEY) not in repr(PutOptions(Md5Digest(), data_key=KEY))
    assert repr(KEY) not in repr(PartOptions(Md5Digest(), KEY))
