"""Objects of a backend in the local store: fetched once, written through, and never mixed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.errors import (
    AmbiguousBucket,
    BackendUnavailable,
    BucketNotFound,
    NotModified,
    ObjectNotFound,
    PreconditionFailed,
)
from storage.ranges import Between, Last
from storage.tier import Tier, downloads
from storage.tier.locks import ObjectLocks
from storage.tier.remote import Remote
from storage.values import (
    BucketInfo,
    BucketOptions,
    CompleteOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    ObjectRead,
    Parallel,
    PartOptions,
    Reading,
    ReadOptions,
    UploadOptions,
    UploadQuery,
    Versioning,
)
from tests.storage.bodies import body_of, broken_body, content_of, pattern
from tests.storage.cloud import BLOCK, Cloud, CloudFailed
from tests.storage.digests import Md5Digest, Refused, SealRefusingDigest
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import OWNER, join_etags, put_options
from tests.storage.tier_scene import BUCKET, Scene, tier_scene

LARGE = pattern(40 * BLOCK)


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    with tier_scene(tmp_path, clock) as opened:
        yield opened


def test_a_cold_object_is_fetched_once(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LARGE)
        assert await scene.read("a") == LARGE
        await scene.settled("a")
        assert await scene.read("a") == LARGE
        assert scene.cloud.requests["get"] == 1
        info = (await scene.store.head_object(BUCKET, "a")).info
        there = (await scene.cloud.head_object("train", "a")).info
        assert (info.etag, info.modified_ns) == (there.etag, there.modified_ns)

    run(read())


@pytest.mark.parametrize("is_current", [True, False])
def test_a_version_is_kept_if_it_is_the_current_one(scene: Scene, is_current: bool) -> None:
    def versioned(bucket: BucketInfo) -> BucketInfo:
        return msgspec.structs.replace(bucket, versioning=Versioning.ENABLED)

    async def read() -> None:
        await scene.cloud.update_bucket("train", versioned)
        await scene.upload("a", b"old")
        old = (await scene.cloud.head_object("train", "a")).info.version
        await scene.upload("a", b"new")
        new = (await scene.cloud.head_object("train", "a")).info.version
        version, content = (new, b"new") if is_current else (old, b"old")
        assert await scene.read("a", ReadOptions(version=version)) == content
        await scene.tier.downloads.settled()
        assert await scene.is_here("a") == is_current

    run(read())


@pytest.mark.parametrize("parallel", [None, Parallel(BLOCK, 2)])
def test_where_only_whole_objects_are_kept_a_reader_that_leaves_ends_the_download(
    scene: Scene, parallel: Parallel | None
) -> None:
    scene.whole_only = True

    async def read() -> None:
        await scene.upload("a", LARGE)
        reading = await scene.store.get_object(BUCKET, "a", ReadOptions(parallel=parallel))
        assert not isinstance(reading.body, bytes)
        await anext(reading.body)
        await reading.body.aclose()
        await scene.tier.downloads.settled()
        assert not await scene.is_here("a")
        assert (await scene.local.list_uploads(BUCKET, UploadQuery())).uploads == ()
        assert await scene.read("a", ReadOptions(want=Last(10))) == LARGE[-10:]
        await scene.tier.downloads.settled()
        assert not await scene.is_here("a")
        assert await scene.read("a", ReadOptions(parallel=parallel)) == LARGE
        assert await scene.is_here("a")

    run(read())


@pytest.mark.parametrize("parallel", [None, Parallel(BLOCK, 2)])
def test_bytes_with_another_md5_are_not_kept_where_it_is_verified(
    scene: Scene, parallel: Parallel | None
) -> None:
    scene.verifies = scene.cloud.damages = True

    async def read() -> None:
        await scene.upload("a", LARGE)
        with pytest.raises(BackendUnavailable, match="MD5"):
            await scene.read("a", ReadOptions(parallel=parallel))
        assert not await scene.is_here("a")
        scene.cloud.damages = False
        assert await scene.read("a", ReadOptions(parallel=parallel)) == LARGE
        assert await scene.is_here("a")

    run(read())


def test_a_reader_that_leaves_does_not_end_what_others_read(scene: Scene) -> None:
    scene.whole_only = True

    async def read() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.gate.clear()
        leaving, staying = await asyncio.gather(
            scene.store.get_object(BUCKET, "a"), scene.store.get_object(BUCKET, "a")
        )
        assert not isinstance(leaving.body, bytes)
        await anext(leaving.body)
        await leaving.body.aclose()
        scene.cloud.gate.set()
        assert await content_of(staying) == LARGE
        assert await scene.is_here("a")

    run(read())


def test_a_hundred_clients_of_a_cold_object_are_one_download(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.gate.clear()
        early = [asyncio.create_task(scene.read("a")) for _ in range(50)]
        await asyncio.sleep(0.05)
        late = [asyncio.create_task(scene.read("a")) for _ in range(50)]
        await asyncio.sleep(0)
        scene.cloud.gate.set()
        assert set(await asyncio.gather(*early, *late)) == {LARGE}
        assert scene.cloud.requests["get"] == 1

    run(read())


def test_a_slow_client_gets_all_and_delays_nobody(scene: Scene) -> None:
    content = pattern(12 << 20)

    async def read() -> None:
        await scene.upload("a", content)
        slow = await scene.store.get_object(BUCKET, "a")
        assert not isinstance(slow.body, bytes)
        async with aclosing(slow.body) as body:
            blocks = [await anext(body)]
            await scene.tier.downloads.fetch(await remote(scene), "a")
            assert await scene.is_here("a")
            blocks += [block async for block in body]
        assert b"".join(blocks) == content

    run(read())


def test_a_client_that_is_behind_a_long_download_gets_the_rest_from_the_backend(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PATIENCE_S", 0.01)
    content = pattern(24 << 20)

    async def read() -> None:
        await scene.upload("a", content)
        scene.cloud.gate.clear()
        slow = await scene.store.get_object(BUCKET, "a")
        assert not isinstance(slow.body, bytes)
        async with aclosing(slow.body) as body:
            blocks = [await anext(body)]
            await scene.cloud.waits.wait()
            ending = asyncio.create_task(_ended_later(scene))
            blocks += [block async for block in body]
            await ending
        assert b"".join(blocks) == content
        assert scene.cloud.requests["get"] == 2

    run(read())


async def _ended_later(scene: Scene) -> None:
    """Let the download go on when its reader asks the backend for the rest."""
    scene.cloud.asked.clear()
    await scene.cloud.asked.wait()
    scene.cloud.gate.set()


def test_a_client_that_leaves_does_not_stop_the_download(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.gate.clear()
        reading = await scene.store.get_object(BUCKET, "a")
        assert not isinstance(reading.body, bytes)
        await anext(reading.body)
        await reading.body.aclose()
        scene.cloud.gate.set()
        assert await scene.read("a") == LARGE
        assert scene.cloud.requests["get"] == 1

    run(read())


@pytest.mark.parametrize(
    "want", [Between(10, 20), Between(len(LARGE) - 5, len(LARGE) + 5), Last(100)]
)
def test_a_range_of_a_cold_object_does_not_wait_for_the_whole(
    scene: Scene, want: Between | Last
) -> None:
    async def read() -> None:
        await scene.upload("a", LARGE)
        part = await scene.read("a", ReadOptions(want=want))
        stop = len(LARGE) if isinstance(want, Last) else want.stop
        assert part == LARGE[len(LARGE) - 100 if isinstance(want, Last) else want.start : stop]
        await scene.tier.downloads.fetch(await remote(scene), "a")
        assert await scene.is_here("a")
        assert await scene.read("a", ReadOptions(want=want)) == part
        assert scene.cloud.requests["get"] == 2

    run(read())


def test_a_failed_download_leaves_nothing(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.fails_at = 10 * BLOCK
        with pytest.raises(CloudFailed):
            await scene.read("a")
        assert not await scene.is_here("a")
        scene.cloud.fails_at = None
        assert await scene.read("a") == LARGE

    run(read())


def test_an_object_that_ends_early_is_not_kept(scene: Scene) -> None:
    """A backend that sends fewer bytes than it said must not make a shorter object."""

    async def read() -> None:
        await scene.upload("a", LARGE)
        get = scene.cloud.get_object

        async def short(bucket: str, name: str) -> Reading:
            reading = await get(bucket, name)
            return Reading(reading.info, reading.span, LARGE[:-1])

        scene.cloud.get_object = short  # type: ignore[method-assign,assignment]
        with pytest.raises(BackendUnavailable):
            await scene.read("a")
        assert not await scene.is_here("a")

    run(read())


def test_conditions_are_about_the_backend_s_object(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", b"one")
        info = (await scene.cloud.head_object("train", "a")).info
        same, other = Condition(if_none_match=(info.etag,)), Condition(if_match=("other",))
        with pytest.raises(NotModified):
            await scene.read("a", ReadOptions(condition=same))
        with pytest.raises(PreconditionFailed):
            await scene.read("a", ReadOptions(condition=other))
        assert not await scene.is_here("a")
        assert await scene.read("a", ReadOptions(condition=Condition(if_match=(info.etag,))))
        await scene.settled("a")
        with pytest.raises(NotModified):
            await scene.read("a", ReadOptions(condition=same))

    run(read())


def test_what_is_here_is_read_while_the_backend_is_down(scene: Scene) -> None:
    async def read() -> None:
        await scene.upload("a", b"one")
        await scene.upload("b", b"two")
        await scene.read("a")
        await scene.settled("a")
        scene.cloud.is_down = True
        for scene.validates in (False, True):
            assert await scene.read("a") == b"one"
        for name, options in (("b", ReadOptions()), ("a", ReadOptions(latest=True))):
            with pytest.raises(BackendUnavailable):
                await scene.read(name, options)

    run(read())


@pytest.mark.parametrize("by_policy", [True, False])
def test_the_latest_version_is_fetched_when_it_is_wanted(scene: Scene, by_policy: bool) -> None:
    async def read() -> None:
        await scene.upload("a", b"one")
        await scene.read("a")
        await scene.settled("a")
        await scene.upload("a", b"two")
        assert await scene.read("a") == b"one"
        scene.validates = by_policy
        assert await scene.read("a", ReadOptions(latest=not by_policy)) == b"two"
        await scene.settled("a")
        await scene.cloud.delete_object("train", DeleteRequest("a"))
        for scene.synchronizes in (False, True):
            with pytest.raises(ObjectNotFound):
                await scene.read("a", ReadOptions(latest=not by_policy))
            assert await scene.is_here("a") is not scene.synchronizes

    run(read())


@pytest.mark.parametrize("size", [0, 1, 100, len(LARGE)])
def test_a_write_goes_through(scene: Scene, size: int) -> None:
    async def write() -> None:
        content = LARGE[:size]
        blocks = [content[start : start + BLOCK] for start in range(0, size, BLOCK)]
        await scene.store.put_object(BUCKET, "a", body_of(*blocks), put_options())
        there = await scene.cloud.get_object("train", "a")
        assert await content_of(there) == content
        assert await scene.read("a") == content
        assert scene.cloud.requests["get"] == 1

    run(write())


def test_what_is_refused_here_is_not_written_there(scene: Scene) -> None:
    async def write() -> None:
        for body, digest in (
            (body_of(LARGE), SealRefusingDigest()),
            (broken_body(LARGE), None),
            (body_of(b""), SealRefusingDigest()),
        ):
            with pytest.raises(Refused):
                await scene.store.put_object(BUCKET, "a", body, put_options(digest))
            with pytest.raises(ObjectNotFound):
                await scene.cloud.head_object("train", "a")
            assert not await scene.is_here("a")

    run(write())


def test_what_is_refused_there_is_not_written_here(scene: Scene) -> None:
    async def write() -> None:
        for blocks in ([LARGE[:BLOCK]] * 40, [b"x" * 200_000]):
            scene.cloud.fails_at = 100_000
            with pytest.raises(CloudFailed):
                await scene.store.put_object(BUCKET, "a", body_of(*blocks), put_options())
            assert not await scene.is_here("a")

    run(write())


@pytest.mark.parametrize("change", ["put", "delete", "delete many", "complete"])
def test_a_crash_after_a_change_there_leaves_no_old_object_here(scene: Scene, change: str) -> None:
    """The change arrives at the backend, and what follows here never happens."""

    class Crash(BaseException):
        pass

    async def go() -> None:
        await scene.upload("a", b"old")
        await scene.read("a")
        assert await scene.is_here("a")
        upload = await scene.store.create_upload(BUCKET, "a", UploadOptions(OWNER))
        await scene.store.put_part(
            BUCKET, "a", upload.id, 1, body_of(b"new"), PartOptions(Md5Digest())
        )
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "put": lambda: scene.store.put_object(BUCKET, "a", body_of(b"new"), put_options()),
            "delete": lambda: scene.store.delete_object(BUCKET, DeleteRequest("a")),
            "delete many": lambda: scene.store.delete_objects(BUCKET, [DeleteRequest("a")]),
            "complete": lambda: scene.store.complete_upload(
                BUCKET, "a", upload.id, CompleteOptions((1,), join_etags)
            ),
        }
        scene.cloud.after_change = Crash
        with pytest.raises(Crash):
            await calls[change]()
        scene.cloud.after_change = None
        assert not await scene.is_here("a")

    run(go())


def test_a_delete_during_a_download_leaves_nothing_here(scene: Scene) -> None:
    async def delete() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.gate.clear()
        reading = asyncio.create_task(scene.read("a"))
        await scene.cloud.asked.wait()
        deleting = asyncio.create_task(scene.store.delete_object(BUCKET, DeleteRequest("a")))
        await asyncio.sleep(0.01)
        scene.cloud.gate.set()
        assert await reading == LARGE
        assert (await deleting).existed
        assert not await scene.is_here("a")
        with pytest.raises(ObjectNotFound):
            await scene.read("a")

    run(delete())


def test_a_write_during_a_download_is_what_stays(scene: Scene) -> None:
    async def write() -> None:
        await scene.upload("a", LARGE)
        scene.cloud.gate.clear()
        reading = asyncio.create_task(scene.read("a"))
        await scene.cloud.asked.wait()
        put = scene.store.put_object(BUCKET, "a", body_of(b"new"), put_options())
        writing = asyncio.create_task(put)
        await asyncio.sleep(0.01)
        scene.cloud.gate.set()
        assert await reading == LARGE
        await writing
        assert await scene.read("a") == b"new"

    run(write())


def test_a_listing_is_the_backend_s_and_marks_what_is_here(scene: Scene) -> None:
    async def ls() -> None:
        for name in ("a", "d/x", "d/y", "z"):
            await scene.upload(name, name.encode())
        for name in ("d/x", "z"):
            await scene.read(name)
            await scene.settled(name)
        await scene.upload("z", b"changed")
        page = await scene.store.list_objects(BUCKET, ListQuery())
        rows = [(i.name, i.size, i.attributes.origin is not None) for i in page.objects]
        assert rows == [("a", 1, False), ("d/x", 3, True), ("d/y", 3, False), ("z", 7, True)]
        folders = await scene.store.list_objects(BUCKET, ListQuery(delimiter="/"))
        assert folders.common_prefixes == ("d/",)
        assert [info.name for info in folders.objects] == ["a", "z"]

    run(ls())


def test_many_objects_are_read_at_once_where_they_are_here(scene: Scene) -> None:
    async def read() -> None:
        for name in "abcd":
            await scene.upload(name, name.encode())
        for name in "ab":
            await scene.read(name)
            await scene.settled(name)
        reads = [ObjectRead(BUCKET, name) for name in "abcd"]
        got: list[bytes] = []
        rounds = 0
        while reads:
            outcomes = await scene.store.get_objects(reads, 1 << 20)
            for outcome in outcomes:
                assert isinstance(outcome, Reading)
                got.append(await content_of(outcome))
            reads, rounds = reads[len(outcomes) :], rounds + 1
        assert (got, rounds) == ([b"a", b"b", b"c", b"d"], 2)

    run(read())


def test_evicting_removes_here_only(scene: Scene) -> None:
    async def evict() -> None:
        await scene.upload("a", b"one")
        await scene.read("a")
        await scene.settled("a")
        await scene.tier.evict(BUCKET, ["a", "no-such"])
        assert not await scene.is_here("a")
        assert await scene.read("a") == b"one"

    run(evict())


def test_a_bucket_is_learnt_and_forgotten(scene: Scene) -> None:
    async def learn() -> None:
        await scene.cloud.create_bucket("other", BucketOptions(OWNER))
        with pytest.raises(BucketNotFound):
            await scene.store.head_bucket("aws/other")
        await scene.tier.learn("aws", "other", OWNER, {})
        bucket = await scene.store.head_bucket("other")
        assert bucket.name == "aws/other"
        await scene.tier.forget(bucket, keep=True)
        await scene.store.head_bucket("aws/other")
        await scene.tier.forget(bucket)
        with pytest.raises(BucketNotFound):
            await scene.store.head_bucket("other")
        with pytest.raises(BucketNotFound):
            await scene.tier.learn("aws", "no-such", OWNER, {})

    run(learn())


def test_a_name_of_two_backends_has_to_be_told_apart(scene: Scene) -> None:
    async def ask() -> None:
        other = Cloud(scene.clock)
        await other.create_bucket("train", BucketOptions(OWNER))
        tier = Tier(scene.local, {"aws": scene.cloud, "gcp": other})
        await tier.learn("gcp", "train", OWNER, {})
        with pytest.raises(AmbiguousBucket, match="aws://train and gcp://train"):
            await tier.bucket("train")
        await scene.local.create_bucket("train", BucketOptions(OWNER))
        assert (await tier.bucket("train")).name == "train"

    run(ask())


def test_an_object_s_lock_is_held_once_among_all_processes(tmp_path: Path) -> None:
    """Two tables of locks are as two processes: each opens the file for itself."""

    async def hold() -> None:
        tables = [ObjectLocks(tmp_path / "lock") for _ in range(2)]
        inside = most = 0

        async def work(number: int) -> None:
            nonlocal inside, most
            async with tables[number % 2].hold("b", "same"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.002)
                inside -= 1

        await asyncio.gather(*(work(number) for number in range(10)))
        assert most == 1
        async with tables[0].hold("b", "one"), tables[1].hold("b", "two"):
            pass

    run(hold())


async def remote(scene: Scene) -> Remote:
    found = scene.tier.remote_of(await scene.store.head_bucket(BUCKET))
    assert found is not None
    return found
