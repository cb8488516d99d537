"""Dsorts that are stopped, fail or are begun again in each of their phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cluster.jobs import dsort
from cluster.jobs.job import Job, State
from cluster.jobs.job_run import JobContext, JobRun, Stopped, StopReason
from cluster.jobs.sort_progress import SortProgress
from s3gw.jobs.copying import ObjectCopier
from s3gw.jobs.sorting.scratch import Room
from s3gw.jobs.sorting.sorter import ObjectSorter
from tests.native.jobs.scene import JobScene
from tests.native.jobs.sort_scene import begin, info, model, outputs, put, shards, spec
from tests.native.jobs.test_sorting import numbered

When = Callable[[SortProgress], bool]
PHASES: dict[str, When] = {
    "extraction": lambda shown: shown.shards == 2,
    "sorting": lambda shown: shown.sorting.ended_ns > 0,
    "creation": lambda shown: shown.created == 3,
}
GIVEN = shards(5, 20)


class Watched:
    """Checkpoints of a run that is stopped when its progress is such."""

    def __init__(self, scene: JobScene, when: When, why: StopReason) -> None:
        self._scene = scene
        self._when = when
        self._why = why
        self.run: JobRun[Any] | None = None

    async def save(self, xid: str, state: State) -> None:
        await self._scene.registry.save(xid, state)
        assert self.run is not None
        if state.sorting is not None and self._when(state.sorting):
            self.run.stop = self._why

    async def names(self, job: Job) -> list[str]:
        return await self._scene.registry.names(job)


def run_until(scene: JobScene, xid: str, when: When, why: StopReason) -> State:
    """Run a job until its progress is such, and it stops; return its state."""

    async def stopped() -> State:
        known = await scene.registry.find(xid)
        assert known is not None
        known.state.starts += 1
        assert isinstance(known.job, dsort.Dsort)
        unused: Any = None
        sorter = ObjectSorter(scene.objects, Room(scene.folder))
        context = JobContext(
            scene.store,
            unused,
            ObjectCopier(scene.objects).delete,
            unused,
            unused,
            archives=scene.objects.archives,
            sort=sorter.sort,
        )
        watched = Watched(scene, when, why)
        saves = iter(range(1 << 30))
        run = JobRun(known.job, known.state, context, watched, timer=lambda: next(saves))
        watched.run = run
        with pytest.raises(Stopped):
            await dsort.carry_out(run)
        await scene.registry.save(xid, run.state)
        return run.state

    return scene.server.run(stopped())  # type: ignore[no-any-return]


@pytest.fixture
def filled(scene: JobScene, bucket: str) -> str:
    put(scene, bucket, GIVEN)
    return bucket


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("versioned", [False, True])
def test_an_abort_leaves_nothing(scene: JobScene, filled: str, phase: str, versioned: bool) -> None:
    target = scene.new_bucket()
    if versioned:
        scene.s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    scene.put(target, "out-0001.tar", b"an older one")
    scene.put(target, "out-zzz", b"of somebody else")
    xid = begin(scene, spec(filled, target, create_concurrency_max_limit=1))
    state = run_until(scene, xid, PHASES[phase], StopReason.STOPPED)
    assert state.objects == 0
    replaced = phase == "creation" and not versioned
    left = ["out-zzz"] if replaced else ["out-0001.tar", "out-zzz"]
    assert scene.names(target) == left
    assert list(scene.folder.glob("dsort-*")) == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_restart_makes_the_same_shards_again(scene: JobScene, filled: str, phase: str) -> None:
    target = scene.new_bucket()
    xid = begin(scene, spec(filled, target))
    run_until(scene, xid, PHASES[phase], StopReason.SHUTDOWN)
    before = outputs(scene, target)
    expected = numbered(model(GIVEN, {}, 1024))
    assert (len(before) >= 3) == (phase == "creation")
    assert before.items() <= expected.items()
    scene.run_jobs()
    found = info(scene, xid)
    assert not found["aborted"]
    assert found["Metrics"]["shard_creation"]["created_count"] == str(len(expected))
    assert outputs(scene, target) == expected


def test_its_own_shards_are_not_sorted_again(scene: JobScene, filled: str) -> None:
    """They are in the input bucket, and in the template of the input, when it is begun again."""
    everything = spec(filled, filled, input_format={"template": ""}, output_format="in-{100..999}")
    xid = begin(scene, everything)
    run_until(scene, xid, PHASES["creation"], StopReason.SHUTDOWN)
    assert "in-100.tar" in scene.names(filled)
    scene.run_jobs()
    assert not info(scene, xid)["aborted"]
    made = outputs(scene, filled, prefix="in-1")
    made.pop("in-1.tar")
    assert list(made.values()) == model(GIVEN, {}, 1024)


def test_a_stop_after_a_crash_removes_what_was_made(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    xid = begin(scene, spec(filled, target))
    run_until(scene, xid, PHASES["creation"], StopReason.SHUTDOWN)
    assert scene.names(target)
    assert scene.send("DELETE", f"sort/abort?uuid={xid}").status == 200
    scene.run_jobs()
    assert info(scene, xid)["aborted"]
    assert scene.names(target) == []
