"""Reads on the event loop: of what the kernel has in memory, and of nothing else."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from storage.backend import Backend
from storage.backends.local import StoreOptions
from storage.blobs.blob import BLOCK
from storage.blobs.page_cache import STEP_BYTES, WAITING, CachedFiles, NotCached
from storage.clock import SystemClock
from storage.errors import Corrupt
from storage.ranges import Between
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

CONTENT = pattern(3 * STEP_BYTES + 1234)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return str(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Backend]:
    paths = mountpaths_in(tmp_path, 1)
    paths[0].mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        yield store


@pytest.fixture
def bucket(store: Backend) -> SyncBucket:
    return SyncBucket(store, "bucket")


def drop_from_memory(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, STEP_BYTES), (STEP_BYTES - 3, 4097), (len(CONTENT) - 5, 5)]
)
def test_what_is_read_is_what_a_thread_reads(file: str, start: int, length: int) -> None:
    fd = WAITING.open(file)
    expected = WAITING.read(fd, length, start)
    assert expected == CONTENT[start : start + length]
    try:
        assert CachedFiles().read(fd, length, start) == expected
    except NotCached:
        # A file system may not have it, and any page may leave memory at any time.
        pass
    finally:
        os.close(fd)


def test_a_file_is_opened_for_reading_and_closed_on_exec(file: str) -> None:
    try:
        fd = CachedFiles().open(file)
    except NotCached:
        return
    assert os.pread(fd, 100, 7) == CONTENT[7:107]
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.parametrize("length", [len(CONTENT) + 1, STEP_BYTES + 1])
def test_what_is_not_all_there_or_too_much_is_for_a_thread(file: str, length: int) -> None:
    fd = WAITING.open(file)
    with pytest.raises(NotCached):
        CachedFiles().read(fd, length, len(CONTENT) - STEP_BYTES)
    os.close(fd)


def test_what_cannot_be_opened_is_for_a_thread_to_report(tmp_path: Path) -> None:
    with pytest.raises(NotCached):
        CachedFiles().open(str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        WAITING.open(str(tmp_path / "missing"))


def test_a_file_system_that_cannot_tell_is_asked_once(file: str) -> None:
    files = CachedFiles()
    unable = os.open("/proc/self/status", os.O_RDONLY)
    able = WAITING.open(file)
    with pytest.raises(NotCached):
        files.read(unable, 10, 0)
    with pytest.raises(NotCached):
        files.read(able, 10, 0)
    os.close(unable)
    os.close(able)


@pytest.mark.parametrize("size", [40_000, BLOCK, 2 * BLOCK, 7 * BLOCK + 5])
def test_an_object_is_the_same_from_memory_and_from_the_disk(
    bucket: SyncBucket, tmp_path: Path, size: int
) -> None:
    content = pattern(size)
    bucket.put("a", content)
    assert bucket.read("a") == content
    drop_from_memory(tmp_path)
    assert bucket.read("a") == content
    assert bucket.read("a", Between(size // 2, size // 2 + 99)) == content[size // 2 :][:99]


def test_a_stream_goes_on_when_the_rest_left_memory_on_the_way(
    store: Backend, bucket: SyncBucket, tmp_path: Path
) -> None:
    content = pattern(9 * STEP_BYTES + 3)
    bucket.put("a", content)

    async def story() -> bytes:
        reading = await store.get_object("bucket", "a")
        assert isinstance(reading.body, AsyncGenerator)
        got = bytearray()
        async for piece in reading.body:
            got += piece
            if len(got) == 2 * STEP_BYTES:
                drop_from_memory(tmp_path)
        return bytes(got)

    assert run(story()) == content


def test_damage_is_found_in_what_is_in_memory(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", pattern(5 * BLOCK))
    (blob,) = (path for path in tmp_path.rglob("blobs/*/*") if path.is_file())
    with blob.open("r+b") as damaged:
        damaged.seek(4 * BLOCK + 17)
        damaged.write(b"\xff\x00")
    assert bucket.read("a", Between(0, 2 * BLOCK)) == pattern(5 * BLOCK)[: 2 * BLOCK]
    with pytest.raises(Corrupt):
        bucket.read("a")
