"""Objects that are fetched in many ranges at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from storage.chunking import Chunking
from storage.errors import BackendUnavailable, OutOfSpace, StorageError
from storage.load import LoadMeter, Sample
from storage.tier import Policy, Tier, TieredStore
from storage.tier.downloads import Downloads
from storage.tier.remote import FetchTask
from storage.values import Parallel, PartInfo, Reading, ReadOptions, UploadQuery
from tests.storage.bodies import content_of, pattern
from tests.storage.cloud import BLOCK, CloudFailed
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.tier_scene import BUCKET, Scene, tier_scene

PARTS = 7
CONTENT = pattern(PARTS * BLOCK - 5)
HOW = Parallel(BLOCK, 3)
IN_PARTS = ReadOptions(parallel=HOW)


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    with tier_scene(tmp_path, clock) as opened:
        yield opened


async def unfinished(scene: Scene) -> int:
    return len((await scene.local.list_uploads(BUCKET, UploadQuery())).uploads)


async def fetch(scene: Scene, how: Parallel | None = HOW) -> int | None:
    return await scene.tier.fetch(FetchTask(BUCKET, "a", parallel=how))


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, len(CONTENT)])
def test_an_object_is_the_same_however_it_came(scene: Scene, size: int) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT[:size])
        assert await fetch(scene, None) == size
        plain = (await scene.local.head_object(BUCKET, "a")).info
        await scene.tier.evict(BUCKET, ["a"])
        assert await fetch(scene) == size
        info = (await scene.local.head_object(BUCKET, "a")).info
        assert (info.etag, info.size, info.attributes) == (
            plain.etag,
            plain.size,
            plain.attributes,
        )
        assert (info.modified_ns, info.parts) == (plain.modified_ns, 0)
        assert await scene.read("a") == CONTENT[:size]
        assert await unfinished(scene) == 0

    run(read())


def test_each_part_is_one_range(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        await fetch(scene)
        assert scene.cloud.requests["get"] == 1 + PARTS
        assert (await scene.local.head_object(BUCKET, "a")).info.chunks == PARTS
        assert (await scene.local.list_object_parts(BUCKET, "a")).parts == ()

    run(read())


@pytest.mark.parametrize(("memory", "most"), [(0.0, 4), (0.93, 2), (0.99, 1)])
def test_fewer_ranges_come_at_once_when_memory_is_scarce(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, memory: float, most: int
) -> None:
    put_part, writing, at_once = scene.local.put_part, set[int](), []

    async def watched(*args: Any) -> PartInfo:
        writing.add(args[3])
        at_once.append(len(writing))
        try:
            return await put_part(*args)
        finally:
            writing.remove(args[3])

    async def read() -> None:
        meter = LoadMeter(lambda: Sample(memory=memory))
        scene.tier.downloads = Downloads(scene.local, scene.tier.locks, meter)
        await scene.upload("a", pattern(40 * BLOCK))
        await fetch(scene, Parallel(BLOCK, 4))
        assert max(at_once) == most
        assert await scene.read("a") == pattern(40 * BLOCK)

    monkeypatch.setattr(scene.local, "put_part", watched)
    run(read())


def test_a_smaller_object_comes_as_one_stream(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        await fetch(scene, Parallel(BLOCK, 3, len(CONTENT) + 1))
        assert scene.cloud.requests["get"] == 1
        assert await scene.is_here("a")

    run(read())


def test_readers_early_and_late_read_the_parts_as_they_come(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        scene.cloud.first_held = 4
        early = await scene.store.get_object(BUCKET, "a", IN_PARTS)
        await scene.cloud.waits.wait()
        late = await scene.store.get_object(BUCKET, "a")
        for reading in (early, late):
            assert not isinstance(reading.body, bytes)
            assert await anext(reading.body) == CONTENT[:BLOCK]
        scene.cloud.first_held = None
        scene.cloud.gate.set()
        for reading in (early, late):
            assert not isinstance(reading.body, bytes)
            async with aclosing(reading.body) as body:
                assert b"".join([block async for block in body]) == CONTENT[BLOCK:]
        # Who has read all may rely on it.
        assert await scene.is_here("a")
        assert scene.cloud.requests["get"] == 1 + PARTS

    run(read())


def test_a_reader_that_leaves_does_not_stop_it(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        reading = await scene.store.get_object(BUCKET, "a", IN_PARTS)
        assert not isinstance(reading.body, bytes)
        await anext(reading.body)
        await reading.body.aclose()
        await scene.settled("a")
        assert await scene.is_here("a")

    run(read())


def test_a_failure_leaves_nothing(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        reading = await scene.store.get_object(BUCKET, "a", IN_PARTS)
        scene.cloud.fails_at = 0
        with pytest.raises(CloudFailed):
            await content_of(reading)
        assert not await scene.is_here("a")
        assert await unfinished(scene) == 0

    run(read())


def test_parts_of_two_objects_are_never_mixed(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        scene.cloud.first_held = 4
        fetching = asyncio.ensure_future(fetch(scene, Parallel(BLOCK, 1)))
        await scene.cloud.waits.wait()
        await scene.upload("a", CONTENT[::-1])
        scene.cloud.first_held = None
        scene.cloud.gate.set()
        with pytest.raises(BackendUnavailable, match="changed"):
            await fetching
        assert not await scene.is_here("a")
        assert await unfinished(scene) == 0
        assert await scene.read("a") == CONTENT[::-1]

    run(read())


def test_what_came_before_the_process_ended_does_not_come_again(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        await stop_in_the_middle(scene)
        again = restarted(scene)
        before = scene.cloud.requests["get"]
        # The size of the parts that are here counts.
        await again.fetch(FetchTask(BUCKET, "a", parallel=Parallel(2 * BLOCK, 1)))
        assert 1 < scene.cloud.requests["get"] - before < 1 + PARTS
        assert await scene.read("a") == CONTENT
        assert await unfinished(scene) == 0

    run(read())


def test_what_came_of_another_object_is_not_used(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        await stop_in_the_middle(scene)
        await scene.upload("a", CONTENT[::-1])
        again = restarted(scene)
        await again.fetch(FetchTask(BUCKET, "a", parallel=HOW))
        assert await scene.read("a") == CONTENT[::-1]
        assert await unfinished(scene) == 0

    run(read())


def test_a_client_does_not_see_the_upload_of_a_download(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", CONTENT)
        await stop_in_the_middle(scene)
        assert await unfinished(scene) == 1
        assert (await scene.store.list_uploads(BUCKET, UploadQuery())).uploads == ()

    run(read())


class Enough(StorageError):
    pass


def test_a_task_that_is_stopped_leaves_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.tier.downloads.PROGRESS_S", 0.001)

    def check(done_bytes: int) -> None:
        if done_bytes:
            raise Enough

    async def read() -> None:
        await scene.upload("a", CONTENT)
        scene.cloud.first_held = 4
        with pytest.raises(Enough):
            await scene.tier.fetch(FetchTask(BUCKET, "a", parallel=HOW, check=check))
        scene.cloud.gate.set()
        assert not await scene.is_here("a")
        assert await unfinished(scene) == 0

    run(read())


async def stop_in_the_middle(scene: Scene) -> None:
    """End the process of a download of which two parts have come."""
    scene.cloud.first_held = 4
    fetching = asyncio.ensure_future(fetch(scene, Parallel(BLOCK, 1)))
    await scene.cloud.waits.wait()
    await scene.tier.downloads.aclose()
    with pytest.raises(BackendUnavailable):
        await fetching
    scene.cloud.first_held = None
    scene.cloud.gate.set()


def restarted(scene: Scene) -> Tier:
    """A tier as of the next process."""
    tier = scene.tier = Tier(scene.local, {"aws": scene.cloud}, lock_file=scene.lock_file)
    scene.store = TieredStore(tier)
    return tier


LONG = pattern(40 * BLOCK)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects from two blocks on are long, and stored in parts of four."""
    monkeypatch.setattr("storage.tier.downloads.LONG_BYTES", 2 * BLOCK)
    monkeypatch.setattr("storage.tier.downloads.CUT_BYTES", 4 * BLOCK)


async def some(reading: Reading, size: int) -> bytes:
    """At least so many of the next bytes."""
    assert not isinstance(reading.body, bytes)
    found = b""
    while len(found) < size:
        found += await anext(reading.body)
    return found


@pytest.mark.usefixtures("cut")
def test_a_late_reader_of_a_long_object_reads_what_has_come(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LONG)
        scene.cloud.gate.clear()
        early = await scene.store.get_object(BUCKET, "a")
        begun = await some(early, BLOCK)
        late = await scene.store.get_object(BUCKET, "a")
        # Half of the object has come, which is five parts.
        assert await some(late, 20 * BLOCK) == LONG[: 20 * BLOCK]
        assert not await scene.is_here("a")
        scene.cloud.gate.set()
        assert begun + await content_of(early) == LONG
        assert await content_of(late) == LONG[20 * BLOCK :]
        assert await scene.is_here("a")
        assert scene.cloud.requests["get"] == 1

    run(read())


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("size", [2 * BLOCK, 4 * BLOCK, 4 * BLOCK + 1, 12 * BLOCK - 1])
def test_a_long_object_is_as_any_other(scene: Scene, size: int) -> None:
    async def read() -> None:
        await scene.upload("a", LONG[:size])
        there = (await scene.cloud.head_object("train", "a")).info
        assert await scene.read("a") == LONG[:size]
        info = (await scene.local.head_object(BUCKET, "a")).info
        assert (info.size, info.etag, info.modified_ns, info.parts) == (
            size,
            there.etag,
            there.modified_ns,
            0,
        )
        assert await scene.read("a") == LONG[:size]
        assert scene.cloud.requests["get"] == 1
        assert await unfinished(scene) == 0

    run(read())


@pytest.mark.usefixtures("cut")
def test_a_slow_reader_of_a_long_object_takes_the_rest_from_its_parts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.tier.downloads.MOST_BEHIND", BLOCK)

    async def read() -> None:
        await scene.upload("a", LONG)
        scene.cloud.gate.clear()
        slow = await scene.store.get_object(BUCKET, "a")
        begun = await some(slow, BLOCK)
        await scene.cloud.waits.wait()
        # It is behind by now; what it gets until the gate opens is from the disk.
        begun += await some(slow, 18 * BLOCK)
        scene.cloud.gate.set()
        assert begun + await content_of(slow) == LONG
        assert scene.cloud.requests["get"] == 1

    run(read())


@pytest.mark.usefixtures("cut")
def test_a_long_object_without_room_is_passed_on_to_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_part = scene.local.put_part

    async def until_full(*args: Any) -> PartInfo:
        if args[3] == 4:
            raise OutOfSpace("full")
        return await put_part(*args)

    monkeypatch.setattr(scene.local, "put_part", until_full)

    async def read() -> None:
        await scene.upload("a", LONG)
        scene.cloud.gate.clear()
        early = await scene.store.get_object(BUCKET, "a")
        begun = await some(early, BLOCK)
        late = await scene.store.get_object(BUCKET, "a")
        scene.cloud.gate.set()
        assert await content_of(late) == LONG
        assert begun + await content_of(early) == LONG
        assert not await scene.is_here("a")
        assert await unfinished(scene) == 0

    run(read())


@pytest.mark.usefixtures("cut")
def test_a_long_object_that_breaks_off_leaves_nothing(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LONG)
        scene.cloud.fails_at = 30 * BLOCK
        with pytest.raises(CloudFailed):
            await scene.read("a")
        assert not await scene.is_here("a")
        assert await unfinished(scene) == 0

    run(read())


@pytest.mark.usefixtures("cut")
def test_a_bucket_that_says_how_its_objects_are_chunked_has_them_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.tier, "policy", lambda _: Policy(Chunking(1, 10 * BLOCK)))

    async def read() -> None:
        await scene.upload("a", LONG)
        assert await scene.read("a") == LONG
        info = (await scene.local.head_object(BUCKET, "a")).info
        assert (info.chunks, info.largest_chunk) == (4, 10 * BLOCK)

    run(read())
