"""What the durable store promises beyond the contract: checksums, clean-up, recovery, sharing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare, recover_slot
from storage.backends.local.placement import digest_of, place
from storage.errors import (
    BucketNotEmpty,
    BucketNotFound,
    Corrupt,
    OutOfSpace,
    PreconditionFailed,
    StorageError,
)
from storage.ranges import Between
from storage.startup_errors import MountpathError
from storage.values import (
    BucketOptions,
    CompleteOptions,
    Condition,
    DeleteRequest,
    PutOptions,
    UploadOptions,
)
from tests.storage.bodies import body_of, broken_body, content_of, pattern
from tests.storage.digests import Md5Digest, Refused, SealRefusingDigest
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket, join_etags, put_options

ROOT = Path(__file__).parents[2]
BLOCK = 512 * 1024
LARGE = pattern(3 * BLOCK + 17)


@pytest.fixture
def backend(tmp_path: Path, clock: FakeClock) -> Iterator[LocalStore]:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        yield store


def flip(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes((byte[0] ^ 0x10,)))


def only_blob(folder: Path) -> Path:
    (blob,) = (file for file in (folder / "blobs").rglob("*") if file.is_file())
    return blob


@pytest.mark.parametrize("size", [32 * 1024 + 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_flipped_bit_is_never_handed_out(
    bucket: SyncBucket, tmp_path: Path, size: int, place: float
) -> None:
    content = pattern(size)
    bucket.put("a", content)
    flip(only_blob(tmp_path), int(place * (size - 1)))

    seen = bytearray()

    async def read() -> None:
        reading = await bucket.backend.get_object("bucket", "a")
        assert not isinstance(reading.body, bytes)
        async for block in reading.body:
            seen.extend(block)

    with pytest.raises(Corrupt):
        run(read())
    assert content.startswith(seen)


def test_a_corrupt_first_block_is_told_before_the_answer_begins(
    bucket: SyncBucket, tmp_path: Path
) -> None:
    bucket.put("a", LARGE)
    flip(only_blob(tmp_path), 0)
    with pytest.raises(Corrupt):
        run(bucket.backend.get_object("bucket", "a"))
    assert bucket.read("a", Between(BLOCK, BLOCK + 5)) == LARGE[BLOCK : BLOCK + 5]


def test_a_flipped_block_hash_is_corrupt(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", LARGE)
    flip(only_blob(tmp_path), len(LARGE) + 3)
    with pytest.raises(Corrupt):
        bucket.read("a")


def test_a_blob_that_is_cut_or_missing_is_corrupt(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", pattern(BLOCK))
    blob = only_blob(tmp_path)
    os.truncate(blob, BLOCK - 1)
    with pytest.raises(Corrupt):
        bucket.read("a")
    blob.unlink()
    with pytest.raises(Corrupt):
        bucket.read("a")


def test_a_reader_of_parts_holds_garbage_back_until_it_ends(
    bucket: SyncBucket, tmp_path: Path
) -> None:
    parts = [pattern(BLOCK, seed) for seed in range(5)]
    bucket.put_in_parts("a", *parts)
    maintainer = Maintainer([tmp_path])

    async def overwrite_and_collect() -> bytes:
        reading = await bucket.backend.get_object("bucket", "a")
        assert not isinstance(reading.body, bytes)
        async with aclosing(reading.body) as stream:
            begun = await anext(stream)
            await bucket.backend.delete_object("bucket", DeleteRequest("a"))
            assert maintainer.run_once().busy == 1
            return begun + b"".join([block async for block in stream])

    assert run(overwrite_and_collect()) == b"".join(parts)
    collect(maintainer)
    maintainer.close()
    assert blobs_in([tmp_path]) == set()


def test_a_stream_that_nobody_started_closes_its_file(bucket: SyncBucket) -> None:
    bucket.put("a", LARGE)
    bucket.names()  # opens the connection of a scan
    before = len(os.listdir("/proc/self/fd"))

    async def open_and_forget() -> None:
        for _ in range(5):
            await bucket.backend.get_object("bucket", "a")
            reading = await bucket.backend.get_object("bucket", "a")
            assert not isinstance(reading.body, bytes)
            await reading.body.aclose()

    run(open_and_forget())
    for _ in range(100):  # a pool's thread may still hold its last result
        bucket.names()
        if len(os.listdir("/proc/self/fd")) == before:
            break
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("size", [10, 100_000, BLOCK, 3 * BLOCK + 1])
def test_a_refused_body_leaves_no_file(bucket: SyncBucket, tmp_path: Path, size: int) -> None:
    body = broken_body(pattern(size))
    with pytest.raises(Refused):
        run(bucket.backend.put_object("bucket", "a", body, put_options()))
    with pytest.raises(Refused):
        bucket.put("a", pattern(size), options=put_options(SealRefusingDigest()))
    assert blobs_in([tmp_path]) == set()


def test_a_cancelled_upload_leaves_no_file(bucket: SyncBucket, tmp_path: Path) -> None:
    async def endless(begun: asyncio.Event) -> AsyncIterator[bytes]:
        yield LARGE
        begun.set()
        await asyncio.Event().wait()

    async def cancel() -> None:
        begun = asyncio.Event()
        put = bucket.backend.put_object("bucket", "a", endless(begun), put_options())
        task = asyncio.create_task(put)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())
    assert blobs_in([tmp_path]) == set()


def test_a_refused_condition_leaves_no_file(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", b"old")
    condition = Condition(if_none_match=("*",))
    with pytest.raises(PreconditionFailed):
        bucket.put("a", LARGE, options=put_options(condition=condition))
    assert blobs_in([tmp_path]) == set()


def test_one_refusal_does_not_harm_others_of_the_same_commit(bucket: SyncBucket) -> None:
    async def put(number: int) -> bool:
        condition = Condition(if_match=("none",)) if number % 2 else Condition()
        options = put_options(condition=condition)
        try:
            await bucket.backend.put_object("bucket", f"{number:03}", body_of(b"x"), options)
        except StorageError:
            return False
        return True

    async def put_all() -> list[bool]:
        return await asyncio.gather(*(put(number) for number in range(100)))

    assert run(put_all()) == [number % 2 == 0 for number in range(100)]
    assert len(bucket.names()) == 50


def test_an_upload_larger_than_the_disk_is_refused_before_its_body(
    tmp_path: Path, clock: FakeClock
) -> None:
    pulled: list[bool] = []

    async def unread() -> AsyncIterator[bytes]:
        pulled.append(True)
        yield b""

    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        options = PutOptions(Md5Digest(), size=1 << 60)
        with pytest.raises(OutOfSpace):
            run(store.put_object("bucket", "a", unread(), options))
        assert not pulled


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("size", [20_000, 700_000])
def test_a_full_disk_refuses_and_recovers_by_itself(
    tiny_disk: Path, clock: FakeClock, size: int
) -> None:
    with local_store([tiny_disk], clock, StoreOptions(reserve_bytes=0)) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        ballast = tiny_disk / "ballast"
        ballast.write_bytes(bytes(1_000_000))
        stored = _fill(bucket, size)
        assert bucket.names() == stored
        ballast.unlink()
        bucket.put("after", pattern(size))
        for name in (*stored, "after"):
            assert bucket.read(name) == pattern(size)
        assert not any((tiny_disk / "work" / "0").iterdir())


def _fill(bucket: SyncBucket, size: int) -> list[str]:
    """The names that were stored before the disk was full."""
    for number in range(1000):
        try:
            bucket.put(f"{number:04}", pattern(size))
        except OutOfSpace:
            return [f"{stored:04}" for stored in range(number)]
    pytest.fail("the disk never filled")


def test_of_two_processes_creating_a_name_one_wins(tmp_path: Path, clock: FakeClock) -> None:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.storage.race_child", str(tmp_path), str(number)],
                stdout=subprocess.PIPE,
                cwd=ROOT,
            )
            for number in range(2)
        ]
        wins = [int(child.communicate(timeout=60)[0]) for child in children]
        assert [child.returncode for child in children] == [0, 0]
        assert sum(wins) == 40
        assert len(SyncBucket(store, "bucket").names()) == 40
        assert run(store.usage()).objects == 40


@pytest.mark.parametrize("count", [1, 3])
def test_a_bucket_that_is_removed_takes_no_object(
    tmp_path: Path, clock: FakeClock, count: int
) -> None:
    """Either the bucket stays and holds what was acknowledged, or nothing was."""

    async def race(store: LocalStore) -> None:
        await store.create_bucket("bucket", BucketOptions(OWNER))
        puts = [
            store.put_object("bucket", f"{number}", body_of(b"x"), put_options())
            for number in range(8)
        ]
        remove = asyncio.create_task(store.delete_bucket("bucket"))
        await asyncio.sleep(0)
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        await asyncio.wait((remove,))
        removed = remove.exception()
        stored = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        if removed is None:
            assert not stored
            with pytest.raises(BucketNotFound):
                await store.head_bucket("bucket")
        else:
            assert isinstance(removed, BucketNotEmpty)
            assert stored
            for number, outcome in enumerate(outcomes):
                if not isinstance(outcome, BaseException):
                    await store.delete_object("bucket", DeleteRequest(f"{number}"))
            await store.delete_bucket("bucket")

    with local_store(mountpaths_in(tmp_path, count), clock, StoreOptions()) as store:
        for _ in range(5):
            run(race(store))
        assert run(store.usage()).objects == 0


def test_a_dead_workers_files_are_cleaned_up_beside_the_living(
    bucket: SyncBucket, tmp_path: Path
) -> None:
    """A linked blob without a row, a half-written file, and one whose row was committed."""
    bucket.put("kept", LARGE)
    kept = only_blob(tmp_path)
    dead = tmp_path / "work" / "dead"
    dead.mkdir()
    os.link(kept, dead / kept.name)
    (dead / ("0" * 32)).write_bytes(b"half a block")
    lost = "ff" * 16
    (dead / lost).write_bytes(kept.read_bytes())
    os.link(dead / lost, tmp_path / "blobs/ff" / lost)
    recover_slot([tmp_path], "dead")
    assert blobs_in([tmp_path]) == {kept.name}
    assert bucket.read("kept") == LARGE


@pytest.mark.parametrize("sidecar", [True, False])
def test_two_completions_at_once_get_one_answer(bucket: SyncBucket, sidecar: bool) -> None:
    upload = bucket.upload_of("a", LARGE if sidecar else b"")
    options = CompleteOptions((1,), join_etags)

    async def complete_twice() -> None:
        one, other = await asyncio.gather(
            *(bucket.backend.complete_upload("bucket", "a", upload.id, options) for _ in range(2))
        )
        assert one == other

    run(complete_twice())


def test_garbage_of_every_kind_is_collected(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put_in_parts("a", LARGE, b"x")
    bucket.put_in_parts("a", LARGE, b"y")
    bucket.put("a", LARGE)
    upload = bucket.upload_of("b", b"x", b"y")
    bucket.put_part(upload, 1, b"z")
    bucket.abort(upload)
    bucket.upload_of("c", b"x")
    bucket.delete("a")
    run(bucket.backend.delete_bucket("bucket"))
    maintainer = Maintainer([tmp_path])
    collect(maintainer)
    maintainer.close()
    assert blobs_in([tmp_path]) == set()


def test_usage_follows_every_change(bucket: SyncBucket) -> None:
    bucket.put("a", b"12345")
    bucket.put("b", LARGE)
    bucket.put("a", b"123")
    bucket.put_in_parts("c", b"12", b"34")
    bucket.delete("b")
    usage = run(bucket.backend.usage())
    assert (usage.buckets, usage.objects, usage.stored_bytes) == (1, 2, 7)
    assert 0 < usage.free_bytes <= usage.capacity_bytes


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    paths = mountpaths_in(tmp_path, 3)
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        bucket.put("small", b"x")
        bucket.put("large", LARGE)
        bucket.put_in_parts("parts", LARGE, b"y")
        upload = run(store.create_upload("bucket", "u", UploadOptions(OWNER)))
    with local_store(paths[::-1], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert bucket.read("small") == b"x"
        assert bucket.read("large") == LARGE
        assert bucket.read("parts") == LARGE + b"y"
        assert bucket.uploads().uploads == (upload,)


def test_two_servers_cannot_share_a_folder(tmp_path: Path) -> None:
    with prepare([tmp_path]), pytest.raises(MountpathError, match=str(tmp_path)):
        prepare([tmp_path])
    prepare([tmp_path]).close()


def test_another_set_of_mountpaths_is_refused(tmp_path: Path) -> None:
    one, two, three = mountpaths_in(tmp_path, 3)
    prepare([one, two]).close()
    for paths, problem in (
        ([one], "1 are missing"),
        ([one, two, three], "no mountpath.json"),
        ([one, one], "twice|in use"),
        ([], "at least one"),
    ):
        with pytest.raises(MountpathError, match=problem):
            prepare(paths)
    prepare([three]).close()
    with pytest.raises(MountpathError, match="another set"):
        prepare([one, two, three])


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    prepare([tmp_path]).close()
    identity = tmp_path / "mountpath.json"
    identity.write_text(identity.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(MountpathError, match="install the release"):
        prepare([tmp_path])


def test_a_lost_index_is_no_new_beginning(tmp_path: Path) -> None:
    prepare([tmp_path]).close()
    (tmp_path / "index.db").unlink()
    with pytest.raises(MountpathError, match="lost its index"):
        prepare([tmp_path])


def test_a_folder_that_was_not_prepared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MountpathError, match="never prepared"):
        LocalStore.open([tmp_path], slot="0")


def test_placement_is_even_and_moves_only_what_a_new_mountpath_wins() -> None:
    digests = [digest_of(f"uuid-{number}") for number in range(4)]
    names = [f"name-{number}" for number in range(4000)]
    before = [place("b", name, digests[:3]) for name in names]
    after = [place("b", name, digests) for name in names]
    assert all(new in (old, 3) for old, new in zip(before, after, strict=True))
    assert all(800 < after.count(number) < 1200 for number in range(4))


def test_a_range_touches_only_its_blocks(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", LARGE)
    flip(only_blob(tmp_path), BLOCK + 1)
    span = Between(2 * BLOCK - 1, 2 * BLOCK + 1)
    with pytest.raises(Corrupt):
        bucket.read("a", span)
    assert bucket.read("a", Between(2 * BLOCK, 3 * BLOCK + 1)) == LARGE[2 * BLOCK : 3 * BLOCK + 1]


def test_reading_does_not_wait_for_writing(bucket: SyncBucket) -> None:
    bucket.put("a", LARGE)

    async def both() -> None:
        put = bucket.backend.put_object("bucket", "a", body_of(LARGE[::-1]), put_options())
        reading, _ = await asyncio.gather(bucket.backend.get_object("bucket", "a"), put)
        assert await content_of(reading) in (LARGE, LARGE[::-1])

    run(both())


@pytest.mark.parametrize("steps", range(6))
def test_a_bucket_whose_maker_left_is_there_or_not(
    tmp_path: Path, clock: FakeClock, steps: int
) -> None:
    """On all mountpaths or on none, wherever the cancellation strikes."""

    async def leave(store: LocalStore) -> None:
        task = asyncio.create_task(store.create_bucket("bucket", BucketOptions(OWNER)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        if task.cancelled() and not await store.list_buckets():
            await store.create_bucket("bucket", BucketOptions(OWNER))
        for number in range(12):
            await store.put_object("bucket", f"{number}", body_of(b"x"), put_options())

    with local_store(mountpaths_in(tmp_path, 3), clock, StoreOptions()) as store:
        run(leave(store))


def test_a_data_folder_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    prepare([tmp_path / "made"]).close()
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
