"""Eviction: what was not used for the longest time goes, exactly as much as has to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from cluster.coordination.memory import MemoryCoordination
from cluster.jobs import lru
from cluster.jobs.job import Job, State
from cluster.jobs.job_run import ArchiveTask, CopyTask, JobContext, JobRun
from cluster.jobs.lru import Lru
from cluster.jobs.registry import Registry
from s3gw.config.bucket_properties import BucketProperties, properties_of, with_property
from s3gw.config.runtime import StaticConfig
from s3gw.jobs.space import SpaceWatch, StoreSpace
from storage.backends.local import LocalStore, StoreOptions
from storage.errors import ObjectNotFound, StorageError
from storage.settings import encoded
from storage.tier import Tier, TieredStore
from storage.tier.remote import FetchTask
from storage.values import BucketInfo, BucketOptions, DeleteRequest, Deletion
from tests.storage.bodies import body_of
from tests.storage.cloud import Cloud
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, put_options

HOUR_S = 3600
EVICTED = with_property(properties_of(BucketInfo("", "", 0)), "lru.enabled", True)
SETTINGS = {BucketProperties.setting_name: encoded(EVICTED)}
SIZE = 50_000


class FullDisk(StoreSpace):
    """`surplus` is what was not removed yet of the bytes that are too many."""

    surplus = 0

    async def surplus_bytes(self) -> int:
        return self.surplus


class Scene:
    """A store in front of a cloud, with objects that were used one hour after the other."""

    def __init__(self, local: LocalStore, clock: FakeClock) -> None:
        self.local, self.clock = local, clock
        self.cloud = Cloud(clock)
        self.tier = Tier(local, {"aws": self.cloud})
        self.space = FullDisk(local, StaticConfig(), self.delete, clock)

    async def open(self, *names: str) -> None:
        await self.cloud.create_bucket("train", BucketOptions(OWNER))
        await self.tier.learn("aws", "train", OWNER, SETTINGS)
        for name in names:
            await self.cloud.put_object("train", name, body_of(bytes(SIZE)), put_options())
        for name in names:
            await self.tier.fetch(FetchTask("aws/train", name))
            self.clock.advance_s(HOUR_S)

    async def delete(
        self, job: Job, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        return await self.local.delete_objects(job.bucket, requests)

    def read(self, name: str, bucket: str = "aws/train") -> None:
        self.local.access_times.note(bucket, name)

    async def evict(self, surplus: int) -> State:
        self.space.surplus = surplus
        state = State(starts=1)
        context = JobContext(
            store=TieredStore(self.tier),
            copy=self._copy,
            delete=self.delete,
            clean=self._clean,
            archive=self._archive,
            space=self.space,
        )
        await lru.carry_out(JobRun(Lru(), state, context, self))
        return state

    async def here(self, bucket: str = "aws/train") -> str:
        found = []
        for name in "abcdefgh":
            with suppress(ObjectNotFound):
                await self.local.head_object(bucket, name)
                found.append(name)
        return "".join(found)

    async def save(self, xid: str, state: State) -> None:
        pass

    async def names(self, job: Job) -> list[str]:
        return []

    async def _clean(self) -> bool:
        return False

    async def _copy(self, task: CopyTask) -> int:
        raise NotImplementedError

    async def _archive(self, task: ArchiveTask) -> None:
        raise NotImplementedError


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(2_000_000_000)


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    with local_store([tmp_path], clock, StoreOptions()) as local:
        scene = Scene(local, clock)
        run(scene.open(*"abcdef"))
        yield scene
        run(scene.tier.aclose())


@pytest.mark.parametrize(
    ("surplus", "left"),
    [(0, "abcdef"), (1, "bcdef"), (SIZE, "bcdef"), (SIZE + 1, "cdef"), (3 * SIZE, "def")],
)
def test_the_oldest_go_and_no_more_than_have_to(scene: Scene, surplus: int, left: str) -> None:
    async def story() -> None:
        state = await scene.evict(surplus)
        assert await scene.here() == left
        assert (state.objects, state.bytes) == (6 - len(left), (6 - len(left)) * SIZE)
        assert state.error == ""

    run(story())


def test_what_was_read_is_young_again(scene: Scene) -> None:
    async def story() -> None:
        scene.read("a")
        scene.read("c")
        scene.clock.advance_s(3 * HOUR_S)
        await scene.evict(2 * SIZE)
        assert await scene.here() == "acef"

    run(story())


def test_what_was_used_lately_stays(scene: Scene) -> None:
    async def story() -> None:
        # The last one was fetched an hour ago, and two hours is the default.
        await scene.evict(100 * SIZE)
        assert await scene.here() == "f"

    run(story())


def test_passes_that_keep_few_in_memory_evict_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lru, "MOST_KEPT", 2)
    monkeypatch.setattr(lru, "BATCH", 1)

    async def story() -> None:
        await scene.evict(4 * SIZE)
        assert await scene.here() == "ef"

    run(story())


def test_a_new_object_of_an_old_name_stays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = scene.space.remove

    async def written_before(
        job: Job, bucket: BucketInfo, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        await scene.local.put_object(bucket.name, "a", body_of(b"new"), put_options())
        return await remove(job, bucket, requests)

    monkeypatch.setattr(scene.space, "remove", written_before)

    async def story() -> None:
        state = await scene.evict(1)
        assert (await scene.here())[0] == "a"
        assert state.error == ""

    run(story())


def test_objects_of_our_own_stay_unless_their_bucket_says_so(scene: Scene) -> None:
    async def story() -> None:
        for bucket, settings in (("kept", {}), ("cache", SETTINGS)):
            await scene.local.create_bucket(bucket, BucketOptions(OWNER, settings=settings))
            await scene.local.put_object(bucket, "a", body_of(bytes(SIZE)), put_options())
        scene.clock.advance_s(10 * HOUR_S)
        await scene.evict(100 * SIZE)
        assert [await scene.here(bucket) for bucket in ("aws/train", "kept", "cache")] == [
            "",
            "a",
            "",
        ]

    run(story())


def test_an_eviction_begins_when_there_is_something_to_evict(scene: Scene) -> None:
    async def story() -> None:
        registry = Registry(MemoryCoordination(), clock=scene.clock)
        watch = SpaceWatch(scene.space, registry)

        async def begun() -> list[str]:
            await watch.run_once()
            return [each.job.kind for each in await registry.all()]

        assert await begun() == []
        scene.space.surplus = 1
        assert await begun() == ["lru"]
        # It still runs.
        assert await begun() == ["lru"]

    run(story())


def test_no_eviction_begins_where_nothing_may_go(tmp_path: Path, clock: FakeClock) -> None:
    async def story(empty: Scene) -> None:
        await empty.local.create_bucket("kept", BucketOptions(OWNER))
        empty.space.surplus = 1
        registry = Registry(MemoryCoordination(), clock=clock)
        await SpaceWatch(empty.space, registry).run_once()
        assert await registry.all() == []

    with local_store([tmp_path], clock, StoreOptions()) as local:
        run(story(Scene(local, clock)))
