"""Work of jobs in parallel: less while memory is scarce, and all of it again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cluster.jobs import download
from cluster.jobs.download import Download, Source, listed_link
from cluster.jobs.job import Job, State
from cluster.jobs.job_run import DownloadTask, JobContext, JobRun, Link, some_at_once
from cluster.jobs.prefetch import PrefetchObjects
from storage.backends.memory import MemoryBackend
from storage.load import LoadMeter, Sample
from tests.storage.fake_clock import FakeClock

SCARCE, PLENTY = 0.93, 0.5


class Machine:
    """Its memory is sampled at every question; `at_once` are the steps that were under way together
    when each began."""

    def __init__(self) -> None:
        self.memory = PLENTY
        self.now_s = 0.0
        self.inside = 0
        self.at_once: list[int] = []

    def _tick(self) -> float:
        self.now_s += 1
        return self.now_s

    def context(self) -> JobContext:
        async def unused(*_: Any) -> Any:
            raise AssertionError

        return JobContext(
            store=MemoryBackend(FakeClock()),
            copy=unused,
            delete=unused,
            clean=unused,
            archive=unused,
            download=self.download,
            meter=LoadMeter(lambda: Sample(memory=self.memory), self._tick),
        )

    async def step(self, _: object) -> None:
        self.inside += 1
        self.at_once.append(self.inside)
        # Long enough for all others that may begin.
        for _turn in range(20):
            await asyncio.sleep(0)
        self.inside -= 1

    async def download(self, task: DownloadTask) -> int | None:
        task.begin(1)
        await self.step(task)
        return 1

    async def save(self, xid: str, state: State) -> None:
        """Nothing is resumed here."""

    async def names(self, job: Job) -> list[str]:
        return [listed_link(Link(f"{number:03}", "http://h/x")) for number in range(60)]

    def most(self) -> int:
        most = max(self.at_once)
        self.at_once.clear()
        return most


def most_of_batches(memory: Sequence[float], workers: int) -> list[int]:
    """The most steps at once, of a batch at each of these loads of the memory."""

    async def story() -> list[int]:
        machine = Machine()
        run = JobRun(
            PrefetchObjects(bucket="b", at_once=workers), State(), machine.context(), machine
        )
        found = []
        for share in memory:
            machine.memory = share
            await some_at_once(run, range(80), machine.step)
            found.append(machine.most())
        return found

    return asyncio.run(story())


def test_a_job_works_on_fewer_objects_while_memory_is_scarce_and_on_all_again() -> None:
    assert most_of_batches((PLENTY, SCARCE, 0.98, PLENTY), 16) == [16, 2, 1, 16]


def test_a_job_never_works_on_more_than_it_was_told() -> None:
    assert most_of_batches((PLENTY, SCARCE, PLENTY), 1) == [1, 1, 1]


def test_a_download_makes_fewer_connections_while_memory_is_scarce() -> None:
    async def most(memory: float) -> int:
        machine = Machine()
        machine.memory = memory
        job = Download(bucket="b", source=Source.MULTI, count=60, connections=8)
        await download.carry_out(JobRun(job, State(), machine.context(), machine))
        return machine.most()

    assert [asyncio.run(most(memory)) for memory in (PLENTY, SCARCE, 0.98)] == [8, 2, 1]
