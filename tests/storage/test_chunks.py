"""Objects in chunks in the local store, beyond the contract: their files, who looks after them, and
what comes back of them when the index is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.scrub import scrub
from storage.chunking import CHUNKS_OF_ONE_SIZE, Chunking
from storage.errors import Corrupt, KeyRequired, OutOfSpace
from storage.index.rows import Chunked, Row, decode_row, encode
from storage.values import (
    Attributes,
    BucketOptions,
    PutOptions,
    ReadOptions,
    Versioning,
)
from tests.storage.bodies import broken_body, gated_body, pattern
from tests.storage.digests import Md5Digest, Refused
from tests.storage.encrypting import Encrypting, encrypted
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.two_mountpaths import BUCKET, folders_that_part, home_of, rows_of

HERE, THERE = "here", "there"
BODY = pattern(700_000, seed=3)
SIZE = 300_000


def put_options(size: int = SIZE, limit: int = 1) -> PutOptions:
    return PutOptions(Md5Digest(), chunks=Chunking(limit, size))


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return folders_that_part(tmp_path, HERE, THERE)


@pytest.fixture
def store(paths: list[Path], clock: FakeClock) -> Iterator[LocalStore]:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        yield store


@pytest.fixture
def bucket(store: LocalStore) -> SyncBucket:
    return SyncBucket(store, BUCKET)


def tidy(paths: list[Path]) -> None:
    with closing(Maintainer(paths)) as maintainer:
        collect(maintainer)


# The rules


def test_chunks_double_so_that_manifests_end() -> None:
    huge = 5 << 40
    sizes = Chunking(1, 1024).layout(huge, huge)
    assert sum(sizes) == huge
    assert len(sizes) < 250_000
    assert set(sizes[:CHUNKS_OF_ONE_SIZE]) == {1024}
    assert set(sizes[CHUNKS_OF_ONE_SIZE : 2 * CHUNKS_OF_ONE_SIZE]) == {2048}


def test_ten_thousand_chunks_have_one_size() -> None:
    sizes = Chunking(1, 3).layout(3 * CHUNKS_OF_ONE_SIZE, 3 * CHUNKS_OF_ONE_SIZE)
    assert sizes == [3] * CHUNKS_OF_ONE_SIZE


# The files


def test_each_chunk_is_a_file(bucket: SyncBucket, paths: list[Path]) -> None:
    bucket.put(HERE, BODY, options=put_options())
    files = [f for f in (home_of(paths, HERE).path / "blobs").rglob("*") if f.is_file()]
    sizes = sorted(file.stat().st_size for file in files)
    assert len(sizes) == 4
    for size, least in zip(sizes[1:], (100_000, SIZE, SIZE), strict=True):
        assert least < size < least + 1000


def test_a_body_that_breaks_off_leaves_no_file(store: LocalStore, paths: list[Path]) -> None:
    body = broken_body(BODY, BODY)
    with pytest.raises(Refused):
        run(store.put_object(BUCKET, HERE, body, put_options()))
    assert blobs_in(paths) == set()


def test_a_writer_that_leaves_leaves_no_file(store: LocalStore, paths: list[Path]) -> None:
    async def leave() -> None:
        begun, gate = asyncio.Event(), asyncio.Event()
        put = store.put_object(BUCKET, HERE, gated_body(BODY, begun, gate), put_options(1000))
        task = asyncio.create_task(put)
        await begun.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(leave())
    assert blobs_in(paths) == set()


def test_a_full_disk_leaves_no_file(tmp_path: Path, clock: FakeClock) -> None:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, BUCKET)
        bucket.put(HERE, BODY)
        before = blobs_in([tmp_path])
    with local_store([tmp_path], clock, StoreOptions(reserve_bytes=1 << 60)) as store:
        bucket = SyncBucket(store, BUCKET)
        with pytest.raises(OutOfSpace):
            bucket.rechunk(HERE, 1, SIZE)
        assert bucket.read(HERE) == BODY
        assert blobs_in([tmp_path]) == before


@pytest.mark.parametrize("versioning", Versioning)
def test_the_chunks_go_with_their_object(
    bucket: SyncBucket, paths: list[Path], versioning: Versioning
) -> None:
    bucket.set_versioning(versioning)
    for seed in range(3):
        bucket.put(HERE, pattern(700_000, seed), options=put_options())
    bucket.rechunk(HERE, 1, 200_000)
    bucket.put_in_parts("parts", BODY, b"tail")
    bucket.rechunk("parts", 1 << 40, 1)
    bucket.put("small", b"abc")
    bucket.rechunk("small", 1, 1)
    for entry in bucket.versions().versions:
        bucket.remove(entry.info.name, entry.info.version)
    tidy(paths)
    assert blobs_in(paths) == set()
    for table in ("payloads", "renamed", "garbage"):
        assert rows_of(paths, f"SELECT * FROM {table}") == []
    assert run(bucket.backend.usage()).stored_bytes == 0


def test_what_was_renamed_to_another_mountpath_comes_home_when_it_is_cut(
    bucket: SyncBucket, paths: list[Path]
) -> None:
    bucket.put(HERE, BODY, options=put_options())
    bucket.rename(HERE, THERE)
    assert blobs_in([home_of(paths, THERE).path]) == set()
    assert bucket.rechunk(THERE, 1, 200_000)
    tidy(paths)
    assert len(blobs_in([home_of(paths, THERE).path])) == 5
    assert blobs_in([home_of(paths, HERE).path]) == set()
    assert bucket.read(THERE) == BODY
    assert rows_of(paths, "SELECT * FROM renamed") == []


# Encrypted


def test_the_key_is_asked_for_and_stays_the_same(store: LocalStore, bucket: SyncBucket) -> None:
    attributes = encrypted()
    assert attributes.encryption is not None
    options = PutOptions(Md5Digest(), attributes, data_key=attributes.encryption.wrapped)
    bucket.put(HERE, BODY, options=options)
    with pytest.raises(KeyRequired):
        bucket.rechunk(HERE, 1, SIZE)

    async def unlock(_: object) -> bytes:
        return b"w" * 32

    wrong = ReadOptions(unlock=unlock)
    with pytest.raises(Corrupt):
        run(store.rechunk_object(BUCKET, HERE, Chunking(1, SIZE), wrong))
    assert run(Encrypting(store).rechunk_object(BUCKET, HERE, Chunking(1, SIZE)))
    info = bucket.info(HERE)
    assert (info.attributes, info.chunks) == (attributes, 3)
    assert SyncBucket(Encrypting(store), BUCKET).read(HERE) == BODY


def test_no_chunk_of_an_encrypted_object_is_in_the_clear(
    store: LocalStore, paths: list[Path]
) -> None:
    bucket = SyncBucket(Encrypting(store), BUCKET)
    bucket.put(HERE, BODY, options=put_options())
    for path in paths:
        for file in (each for each in (path / "blobs").rglob("*") if each.is_file()):
            assert BODY[:40] not in file.read_bytes()
    assert bucket.read(HERE) == BODY


# Who looks after them


@pytest.fixture
def told(paths: list[Path], clock: FakeClock) -> dict[str, bytes]:
    """A closed store, and what is in it."""
    contents = {"put": BODY, "cut": BODY, "again": BODY, "parts": BODY + b"tail", "new": BODY}
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, BUCKET)
        bucket.put("put", BODY, options=put_options())
        bucket.put("cut", BODY)
        bucket.rechunk("cut", 1, SIZE)
        bucket.put("again", BODY, options=put_options())
        bucket.rechunk("again", 1 << 40, SIZE)
        bucket.put_in_parts("parts", BODY, b"tail")
        bucket.rechunk("parts", 1, SIZE)
        bucket.put("old", BODY, options=put_options())
        bucket.rename("old", "new")
        bucket.rechunk("new", 1, 200_000)
        bucket.update("cut", lambda _: Attributes(tags={"colour": "red"}))
    tidy(paths)
    return contents


def assert_there(paths: list[Path], clock: FakeClock, told: dict[str, bytes]) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, BUCKET)
        assert sorted(bucket.names()) == sorted(told)
        for name, content in told.items():
            assert bucket.read(name) == content
        counts = {"put": 3, "cut": 3, "again": 0, "parts": 3, "new": 4}
        assert {name: bucket.info(name).chunks for name in told} == counts
        assert [part.size for part in bucket.parts_of("parts")] == [len(BODY), 4]


def test_a_sound_store_with_chunks_is_clean(
    paths: list[Path], clock: FakeClock, told: dict[str, bytes]
) -> None:
    report = check(paths)
    assert report.clean
    assert (report.objects, report.blobs) == (5, 4 + 4 + 1 + 4 + 5)
    done = scrub(paths)
    assert done.damage == ()
    assert done.blobs == report.blobs
    assert done.read_bytes == sum(map(len, told.values()))
    assert_there(paths, clock, told)


def test_chunks_alone_bring_their_objects_back(
    paths: list[Path], clock: FakeClock, told: dict[str, bytes]
) -> None:
    for path in paths:
        (path / "index.db").unlink()
    rebuilt = rebuild(paths)
    assert (rebuilt.from_labels, rebuilt.incomplete) == (5, ())
    assert_there(paths, clock, told)
    assert check(paths).clean


def test_rebuilding_a_sound_index_keeps_chunks(
    paths: list[Path], clock: FakeClock, told: dict[str, bytes]
) -> None:
    rebuilt = rebuild(paths)
    assert (rebuilt.salvaged, rebuilt.from_labels, rebuilt.incomplete) == (5, 0, ())
    assert_there(paths, clock, told)
    with local_store(paths, clock, StoreOptions()) as store:
        assert SyncBucket(store, BUCKET).info("cut").attributes.tags == {"colour": "red"}
    assert check(paths).clean


def test_a_missing_and_a_damaged_chunk_are_found(
    paths: list[Path], clock: FakeClock, told: dict[str, bytes]
) -> None:
    files = [f for path in paths for f in (path / "blobs").rglob("*") if f.is_file()]
    chunks = sorted(f for f in files if SIZE < f.stat().st_size < SIZE + 1000)
    chunks[0].unlink()
    with open(chunks[1], "r+b") as file:
        file.seek(1000)
        file.write(b"?")
    assert {each.blob for each in scrub(paths).damage} == {chunks[0].name, chunks[1].name}
    assert [each.blob for each in check(paths).damaged] == [chunks[0].name]
    for path in paths:
        (path / "index.db").unlink()
    (incomplete,) = rebuild(paths).incomplete
    assert "1 parts missing" in incomplete


# Rows of before


def test_an_old_row_of_an_upload_tells_its_parts_as_chunks() -> None:
    row = Row(5, "etag-2", 0, Attributes(), Chunked("sidecar", 7, 4), parts=2)
    old = msgspec.msgpack.decode(encode(row))
    old[4] = old[4][:2]
    info = decode_row(encode(old)).info("a")
    assert (info.parts, info.chunks, info.largest_chunk) == (2, 2, 0)


def test_chunks_follow_their_bucket_to_its_new_name(paths: list[Path], clock: FakeClock) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket("first", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "first")
        bucket.put("before", BODY, options=put_options())
        bucket.put("cut", BODY)
        run(store.rename_bucket("first", "second", lambda info: info))
        bucket = SyncBucket(store, "second")
        bucket.put("after", BODY, options=put_options())
        assert bucket.rechunk("cut", 1, SIZE)
        assert bucket.rechunk("before", 1, 200_000)
    tidy(paths)
    assert check(paths).clean
    for path in paths:
        (path / "index.db").unlink()
    assert rebuild(paths).incomplete == ()
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "second")
        found = {name: (bucket.read(name), bucket.info(name).chunks) for name in bucket.names()}
        assert found == {"after": (BODY, 3), "before": (BODY, 4), "cut": (BODY, 3)}
