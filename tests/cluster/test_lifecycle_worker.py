"""The walk through a store, against the model backend and with a clock that the test moves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.lifecycle import walk
from cluster.lifecycle.progress import ProgressFile, State
from cluster.lifecycle.rules import (
    REAL_CALENDAR,
    Expiration,
    Filter,
    LifecycleConfiguration,
    NoncurrentExpiration,
    Rule,
)
from cluster.lifecycle.walk import Position, Tally
from cluster.maintenance import run_repeatedly
from storage.errors import DeviceFailed
from storage.settings import without_setting
from storage.values import (
    DeleteRequest,
    LockMode,
    ObjectLock,
    Retention,
    UploadOptions,
    UploadQuery,
    Versioning,
    VersionQuery,
)
from tests.cluster.lifecycle_scene import Pauses, Scene
from tests.storage.fake_clock import FakeClock

EXPIRE = Rule("expire", filter=Filter(), expiration=Expiration(days=1))
NONCURRENT = Rule("noncurrent", filter=Filter(), noncurrent=NoncurrentExpiration(1))
KEEP_TWO = Rule("keep-two", filter=Filter(), noncurrent=NoncurrentExpiration(1, newer=2))
MARKERS = Rule("markers", filter=Filter(), expiration=Expiration(delete_marker=True))
ABORT = Rule("abort", filter=Filter(), abort_days=1)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every listing has borders everywhere."""
    monkeypatch.setattr(walk, "PAGE", 2)
    monkeypatch.setattr(walk, "BATCH", 2)


def run(work: Any) -> None:
    asyncio.run(work)


def test_what_is_old_goes_and_what_is_young_stays(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(EXPIRE)
        await scene.put("a", "b")
        scene.days(1)
        await scene.put("c")
        tally = await scene.one_pass()
        assert await scene.versions() == ["c"]
        assert (tally.scanned, tally.expired) == (3, 2)

    run(story())


def test_only_names_under_the_prefixes_are_looked_at(scene: Scene) -> None:
    async def story() -> None:
        rules = [
            Rule(prefix, filter=Filter(prefix=prefix), expiration=Expiration(days=1))
            for prefix in ("d/", "b/", "b/c")
        ]
        await scene.bucket(*rules)
        await scene.put("a", "b/1", "b/c2", "c", "d/1", "e")
        scene.days(1)
        tally = await scene.one_pass()
        assert await scene.versions() == ["a", "c", "e"]
        assert tally.scanned == 3

    run(story())


@pytest.mark.usefixtures("small_pages")
def test_all_buckets_are_walked_page_by_page(scene: Scene) -> None:
    async def story() -> None:
        for name in ("one", "two", "without"):
            await scene.bucket(EXPIRE, name=name)
            await scene.put(*(f"k{number}" for number in range(7)), bucket=name)
        await scene.store.update_bucket(
            "without", lambda info: without_setting(info, LifecycleConfiguration)
        )
        scene.days(1)
        await scene.one_pass()
        left = {name: await scene.versions(name) for name in ("one", "two", "without")}
        assert (left["one"], left["two"], len(left["without"])) == ([], [], 7)
        assert set(scene.store.deletions) <= {1, 2}

    run(story())


def test_an_object_expires_under_a_delete_marker_where_there_are_versions(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(EXPIRE, versioning=Versioning.ENABLED)
        await scene.put("k")
        scene.days(1)
        await scene.one_pass()
        assert await scene.versions() == ["k-", "k"]
        scene.days(5)
        await scene.one_pass()
        assert await scene.versions() == ["k-", "k"]

    run(story())


def test_a_suspended_bucket_loses_its_null_version(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(EXPIRE, versioning=Versioning.SUSPENDED)
        await scene.put("k")
        scene.days(1)
        await scene.one_pass()
        assert await scene.versions() == ["k-"]
        scene.days(1)
        await scene.one_pass()
        assert await scene.versions() == []

    run(story())


@pytest.mark.usefixtures("small_pages")
def test_a_version_ages_from_when_the_next_one_came(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(NONCURRENT, versioning=Versioning.ENABLED)
        await scene.put("k", "l")
        scene.days(5)
        await scene.put("k", "k", "k", "l")
        scene.days(0.5)
        await scene.one_pass()
        assert len(await scene.versions()) == 6
        scene.days(0.5)
        tally = await scene.one_pass()
        assert await scene.versions() == ["k", "l"]
        assert tally.noncurrent == 4

    run(story())


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_the_newest_noncurrent_versions_stay_wherever_a_page_ends(
    scene: Scene, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "PAGE", page)

    async def story() -> None:
        await scene.bucket(KEEP_TWO, versioning=Versioning.ENABLED)
        for _ in range(7):
            await scene.put("k", "l")
        await scene.delete("l")
        scene.days(2)
        await scene.one_pass()
        assert await scene.versions() == ["k", "k", "k", "l-", "l", "l"]

    run(story())


@pytest.mark.usefixtures("small_pages")
def test_a_delete_marker_goes_when_nothing_is_left_below_it(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(NONCURRENT, MARKERS, versioning=Versioning.ENABLED)
        await scene.put("a", "b", "c")
        for name in "abc":
            await scene.delete(name)
        await scene.put("b")
        await scene.one_pass()
        assert len(await scene.versions()) == 7
        scene.days(1)
        await scene.one_pass()
        await scene.one_pass()
        assert await scene.versions() == ["b"]
        assert sum(tally.markers for tally in scene.tallies) == 2

    run(story())


def test_what_is_locked_stays_and_is_counted(scene: Scene) -> None:
    async def story() -> None:
        until_ns = scene.clock.now_ns() + 10**15
        await scene.bucket(NONCURRENT, EXPIRE, versioning=Versioning.ENABLED)
        await scene.put("held", lock=ObjectLock(legal_hold=True))
        await scene.put("kept", lock=ObjectLock(Retention(LockMode.GOVERNANCE, until_ns)))
        await scene.put("held", "kept", "free", "free")
        scene.days(3)
        tally = await scene.one_pass()
        versions = await scene.versions()
        assert versions == ["free-", "free", "held-", "held", "held", "kept-", "kept", "kept"]
        assert (tally.kept, tally.noncurrent, tally.expired) == (2, 1, 3)

    run(story())


def test_what_was_written_meanwhile_stays(scene: Scene) -> None:
    async def overwrite() -> None:
        scene.clock.advance_s(1)
        await scene.put("a")
        await scene.delete("b")

    async def story() -> None:
        await scene.bucket(EXPIRE)
        await scene.put("a", "b", "c")
        scene.days(1)
        scene.store.meanwhile = overwrite
        tally = await scene.one_pass()
        assert await scene.versions() == ["a"]
        assert (tally.changed, tally.expired) == (2, 1)

    run(story())


def test_a_version_that_became_the_current_one_meanwhile_stays(scene: Scene) -> None:
    async def undelete() -> None:
        page = await scene.store.list_versions("bucket", VersionQuery())
        newest = DeleteRequest("k", version=page.versions[0].info.version)
        await scene.store.delete_object("bucket", newest)

    async def story() -> None:
        await scene.bucket(NONCURRENT, versioning=Versioning.ENABLED)
        await scene.put("k")
        await scene.delete("k")
        scene.days(1)
        scene.store.meanwhile = undelete
        tally = await scene.one_pass()
        assert await scene.versions() == ["k"]
        assert (tally.noncurrent, tally.changed) == (0, 1)

    run(story())


@pytest.mark.parametrize("versioning", [Versioning.ENABLED, Versioning.SUSPENDED])
def test_an_object_that_came_back_meanwhile_keeps_its_history(
    scene: Scene, versioning: Versioning
) -> None:
    async def story() -> None:
        await scene.bucket(MARKERS, versioning=versioning)
        await scene.delete("k")
        scene.store.meanwhile = lambda: scene.put("k")
        tally = await scene.one_pass()
        assert (await scene.versions())[0] == "k"
        assert (tally.markers, tally.changed) == (0, 1)

    run(story())


def test_old_uploads_are_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE", 2)

    async def begin(*names: str) -> None:
        for name in names:
            await scene.store.create_upload("bucket", name, UploadOptions("owner"))

    async def story() -> None:
        await scene.bucket(ABORT)
        await begin("a", "b", "b", "b", "c")
        scene.days(1)
        await begin("b", "d")
        tally = await scene.one_pass()
        page = await scene.store.list_uploads("bucket", UploadQuery())
        assert [upload.name for upload in page.uploads] == ["b", "d"]
        assert tally.uploads == 5

    run(story())


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stop_at", range(1, 14))
def test_a_walk_goes_on_where_it_was_stopped(scene: Scene, stop_at: int) -> None:
    async def story() -> None:
        await scene.bucket(KEEP_TWO, ABORT, name="bucket", versioning=Versioning.ENABLED)
        await scene.bucket(EXPIRE, name="plain")
        for _ in range(5):
            await scene.put("k", "l")
        await scene.put(*"abcde", bucket="plain")
        await scene.store.create_upload("bucket", "u", UploadOptions("owner"))
        scene.days(1)
        await scene.one_pass(Pauses(stop_at))
        assert scene.progress.load().at is not None
        tally = await scene.one_pass()
        assert await scene.versions() == ["k", "k", "k", "l", "l", "l"]
        assert await scene.versions("plain") == []
        assert (tally.noncurrent, tally.expired, tally.uploads) == (4, 5, 1)

    run(story())


@pytest.mark.usefixtures("small_pages")
def test_rules_that_are_deleted_stop_the_walk_at_once(scene: Scene) -> None:
    async def forget() -> None:
        await scene.store.update_bucket(
            "bucket", lambda info: without_setting(info, LifecycleConfiguration)
        )

    async def story() -> None:
        await scene.bucket(EXPIRE)
        await scene.put(*"abcdef")
        scene.days(1)
        scene.store.meanwhile = forget
        await scene.one_pass()
        assert await scene.versions() == ["c", "d", "e", "f"]

    run(story())


@pytest.mark.usefixtures("small_pages")
def test_a_bucket_that_is_deleted_stops_nothing_else(scene: Scene) -> None:
    async def destroy() -> None:
        for name in "abcd":
            await scene.delete(name)
        await scene.store.delete_bucket("bucket")

    async def story() -> None:
        await scene.bucket(EXPIRE)
        await scene.bucket(EXPIRE, name="other")
        await scene.put(*"abcd")
        await scene.put(*"abcd", bucket="other")
        scene.days(1)
        scene.store.meanwhile = destroy
        tally = await scene.one_pass()
        assert await scene.versions("other") == []
        assert tally.expired == 4

    run(story())


def test_a_bucket_that_cannot_be_read_stops_nothing_else(scene: Scene) -> None:
    async def story() -> None:
        await scene.bucket(EXPIRE)
        await scene.bucket(EXPIRE, name="other")
        await scene.put("a")
        await scene.put("a", bucket="other")
        scene.days(1)
        scene.store.meanwhile = fail
        tally = await scene.one_pass()
        assert (await scene.versions(), await scene.versions("other")) == (["a"], [])
        assert (tally.failed, tally.expired) == (1, 1)

    async def fail() -> None:
        raise DeviceFailed("disk")

    run(story())


def test_there_is_one_pass_each_day_from_midnight_on(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path, calendar=REAL_CALENDAR)
        midnight_s = scene.clock.now_ns() // 10**9 // 86_400 * 86_400
        scene.clock = FakeClock(midnight_s + 3600)
        worker = scene.worker()
        assert await worker.run_once() == 0
        assert await worker.run_once() == 23 * 3600
        scene.clock.advance_s(22 * 3600)
        assert await scene.worker().run_once() == 3600
        scene.clock.advance_s(3600)
        assert await worker.run_once() == 0
        assert len(scene.tallies) == 2

    run(story())


def test_a_state_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / "lifecycle.json")
    assert progress.load() == State()
    progress.save(State(7, Position("bucket", walk.Stage.UPLOADS, "p", "a", "id"), Tally(3)))
    again = ProgressFile(tmp_path / "lifecycle.json").load()
    assert again == State(7, Position("bucket", walk.Stage.UPLOADS, "p", "a", "id"), Tally(3))
    (tmp_path / "lifecycle.json").write_bytes(b'{"turn": ')
    assert ProgressFile(tmp_path / "lifecycle.json").load() == State()


def test_a_disk_that_takes_no_state_does_not_stop_the_work(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / "nowhere" / "lifecycle.json")
    progress.save(State(7))
    assert progress.load() == State(7)


def test_a_job_that_fails_is_tried_again_later() -> None:
    asked = []

    class Failing:
        async def run_once(self) -> float:
            raise OSError("disk")

    async def pause(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) == 2

    asyncio.run(run_repeatedly(Failing(), 60.0, pause))
    assert asked == [60.0, 60.0]
