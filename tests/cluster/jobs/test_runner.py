"""The life of a job: registered, begun, idle, stopped, begun again, forgotten."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.coordination import Put
from cluster.jobs.cleanup import Cleanup
from cluster.jobs.copy_objects import CopyBucket, CopyObjects
from cluster.jobs.delete_objects import DeleteObjects
from cluster.jobs.job import UNFINISHED, Job, State
from cluster.jobs.job_run import CopyTask, JobRun, Stopped
from cluster.jobs.lru import Lru
from cluster.jobs.registry import MAX_UNFINISHED, Registry, TooManyJobs
from cluster.jobs.runner import MAX_STARTS, SWEEP_S, Limits
from tests.cluster.jobs.scene import Scene
from tests.storage.event_loop import run


def test_a_job_is_there_before_anybody_runs_it(scene: Scene) -> None:
    async def main() -> None:
        xid = await scene.add(Lru)
        known = await scene.find(xid)
        assert (known.is_over, known.is_idle, known.state) == (False, False, State())
        assert [each.job.xid for each in await scene.registry.all()] == [xid]
        assert await scene.registry.find(xid[:-1]) is None
        assert await scene.registry.find("") is None

    run(main())


def test_an_id_is_one_that_aistore_takes(scene: Scene) -> None:
    async def main() -> None:
        xids = {await scene.add(Lru) for _ in range(20)}
        assert len(xids) == 20
        assert all(len(xid) >= 9 and xid.isalnum() for xid in xids)

    run(main())


def test_a_job_of_a_kind_that_idles_runs_on_for_its_time(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        xid = await scene.add(CopyObjects, template="p{0..5}")
        await scene.run()
        assert (await scene.find(xid)).is_idle
        scene.clock.advance_s(59)
        await scene.run()
        assert (await scene.find(xid)).is_idle
        scene.clock.advance_s(1)
        await scene.run()
        known = await scene.find(xid)
        assert (known.is_idle, known.is_over, known.state.aborted) == (False, True, False)

    run(main())


def test_a_runner_wakes_by_itself_to_end_what_idles(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        xid = await scene.add(CopyObjects, template="p{0..5}")
        looks = 0
        runner = scene.runner()

        async def later(_: float) -> bool:
            nonlocal looks
            looks += 1
            if runner.tasks:
                await asyncio.wait(runner.tasks)
            if looks == 4:
                scene.clock.advance_s(60)
            return looks == 6

        await runner.run(later)
        assert (await scene.find(xid)).is_over

    run(main())


def test_a_job_that_idles_can_be_stopped(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        xid = await scene.add(CopyObjects, template="p{0..5}")
        await scene.run()
        await scene.registry.stop(xid)
        await scene.run()
        known = await scene.find(xid)
        assert (known.is_over, known.state.aborted) == (True, True)
        assert known.state.abort_error == "user abort"

    run(main())


def test_a_job_that_was_not_begun_yet_is_stopped_without_a_stroke(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a")
        xid = await scene.add(DeleteObjects, ["a"])
        await scene.registry.stop(xid)
        await scene.run()
        known = await scene.find(xid)
        assert (known.is_over, known.state.aborted) == (True, True)
        assert known.state.abort_error
        assert await scene.names() == ["a"]

    run(main())


def test_a_running_job_stops_at_the_next_batch(scene: Scene) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def endless(work: JobRun[Any]) -> None:
            while True:
                begun.set()
                work.state.objects += 1
                await work.progress()
                await asyncio.sleep(0)

        xid = await scene.add(Lru)
        running = asyncio.create_task(scene_run(scene, endless))
        await begun.wait()
        await scene.registry.stop(xid)
        await running
        known = await scene.find(xid)
        assert (known.is_over, known.state.aborted) == (True, True)
        assert known.state.objects > 0

    run(main())


async def scene_run(scene: Scene, endless: object) -> None:
    """Looks again and again, as the real one does."""
    runner = scene.runner(runs={"lru": endless})

    async def quiet(_: float) -> bool:
        await asyncio.sleep(0)
        return all(each.is_over for each in await scene.registry.all())

    await runner.run(quiet)


def test_a_job_that_the_server_stops_goes_on_later_and_counts_right(scene: Scene) -> None:
    names = [f"{n:02}" for n in range(40)]

    async def main() -> None:
        await scene.buckets()
        await scene.put(*names)
        xid = await scene.add(CopyBucket)
        runner = scene.runner()

        async def soon(_: float) -> bool:
            return await scene.ten_copied.wait()

        await runner.run(soon)
        known = await scene.find(xid)
        assert not known.is_over
        assert len(scene.copied) < 40
        assert known.state.starts == 0
        await scene.run()
        known = await scene.find(xid)
        assert (known.state.objects, known.state.aborted) == (40, False)
        assert await scene.names("target") == names

    run(main())


def test_a_job_that_kills_the_process_is_given_up(scene: Scene) -> None:
    async def main() -> None:
        xid = await scene.add(Lru)
        await scene.registry.save(xid, State(starts=MAX_STARTS))
        await scene.run()
        known = await scene.find(xid)
        assert known.state.aborted
        assert "server ended" in known.state.abort_error

    run(main())


def test_an_error_of_any_kind_ends_only_its_job(scene: Scene) -> None:
    async def main() -> None:
        async def broken(_: JobRun[Any]) -> None:
            raise ZeroDivisionError("secret")

        async def good(work: JobRun[Any]) -> None:
            work.state.objects = 1

        bad = await scene.add(Lru)
        well = await scene.add(Cleanup)
        await scene.run(runs={"lru": broken, "cleanup-store": good})
        known = await scene.find(bad)
        assert (known.state.aborted, known.state.abort_error) == (
            True,
            "internal error: ZeroDivisionError",
        )
        assert not (await scene.find(well)).state.aborted

    run(main())


def test_only_so_many_run_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Limits(at_once=2))
    now, most, two = 0, 0, asyncio.Barrier(2)

    async def counting(_: JobRun[Any]) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await two.wait()
        now -= 1

    async def main() -> None:
        xids = [await scene.add(Lru) for _ in range(8)]
        await scene.run(runs={"lru": counting})
        assert [(await scene.find(xid)).is_over for xid in xids] == [True] * 8
        assert most == 2

    run(main())
    scene.close()


def test_the_outcome_is_kept_for_its_time_and_no_longer(scene: Scene) -> None:
    async def main() -> None:
        xid = await scene.add(Lru)
        await scene.run()
        scene.clock.advance_s(3600)
        await scene.run()
        assert (await scene.find(xid)).is_over
        scene.clock.advance_s(int(SWEEP_S))
        await scene.run()
        assert await scene.registry.find(xid) is None
        assert (await scene.coordination.range("/job"))[0] == []

    run(main())


def test_of_many_outcomes_the_latest_are_kept(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Limits(kept=3))

    async def main() -> None:
        xids = []
        for _ in range(5):
            xids.append(await scene.add(Lru))
            await scene.run()
            scene.clock.advance_s(1)
        waiting = await scene.add(Lru)
        await scene.registry.forget(older_than_s=3600, beyond=3)
        left = [each.job.xid for each in await scene.registry.all()]
        assert left == [*xids[2:], waiting]

    run(main())
    scene.close()


def test_a_job_whose_registration_broke_off_is_never_run_and_forgotten(scene: Scene) -> None:
    async def main() -> None:
        job = DeleteObjects(xid="abandoned123", created_ns=scene.clock.now_ns(), pieces=UNFINISHED)
        stored = scene.coordination
        await stored.transact([], [Put("/jobs/job/abandoned123", _json(job))])
        await stored.transact([], [Put("/job-names/abandoned123/000000", b'["a"]')])
        await scene.run()
        assert await scene.registry.all() == []
        assert await scene.registry.find("abandoned123") is None
        scene.clock.advance_s(3601)
        await scene.run()
        assert (await stored.range("/job"))[0] == []

    run(main())


def test_a_damaged_record_is_passed_over(scene: Scene) -> None:
    async def main() -> None:
        await scene.coordination.transact([], [Put("/jobs/job/damaged12345", b"{")])
        xid = await scene.add(Lru)
        await scene.run()
        assert [each.job.xid for each in await scene.registry.all()] == [xid]

    run(main())


def test_no_more_jobs_are_taken_than_can_be_looked_after(scene: Scene) -> None:
    async def main() -> None:
        jobs = (Lru(xid=f"waiting{n:05}", created_ns=n) for n in range(MAX_UNFINISHED))
        for job in jobs:
            await scene.coordination.transact([], [Put(f"/jobs/job/{job.xid}", _json(job))])
        with pytest.raises(TooManyJobs):
            await scene.add(Lru)

    run(main())


def test_progress_is_written_down_now_and_then(scene: Scene) -> None:
    async def main() -> None:
        now = 0.0
        xid = await scene.add(Lru)
        job = (await scene.find(xid)).job
        work = JobRun(job, State(), scene.context, scene.registry, timer=lambda: now)
        seen = []
        for number in range(10):
            now += 0.2
            work.state.objects = number
            await work.progress()
            seen.append((await scene.find(xid)).state.objects)
        assert seen == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]

    run(main())


def _json(job: Job) -> bytes:
    return msgspec.json.encode(job)


def test_two_processes_see_the_same(scene: Scene) -> None:
    async def main() -> None:
        other = Registry(scene.coordination, clock=scene.clock)
        xid = await scene.add(Lru)
        assert await other.find(xid) == await scene.find(xid)

    run(main())


class Interrupted(Scene):
    """The tenth copy ends when its job has been told to stop, in the middle of a batch."""

    async def _copy(self, task: CopyTask) -> int:
        size = await super()._copy(task)
        while len(self.copied) == 10:
            try:
                task.check()
            except Stopped:
                break
            await asyncio.sleep(0)
        return size


def test_a_batch_that_was_not_finished_is_not_counted_twice(tmp_path: Path) -> None:
    scene = Interrupted(tmp_path)

    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"{n:02}" for n in range(20)))
        xid = await scene.add(CopyBucket)
        runner = scene.runner()

        async def at_the_tenth(_: float) -> bool:
            return await scene.ten_copied.wait()

        await runner.run(at_the_tenth)
        assert (await scene.find(xid)).state.objects == 8
        await scene.run()
        assert (await scene.find(xid)).state.objects == 20

    with closing(scene):
        run(main())
