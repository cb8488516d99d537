"""Downloads as jobs: in turn and several at once, continued where they were, and within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster.jobs import download
from cluster.jobs.allowance import SAVED_S, Allowance
from cluster.jobs.download import Download, Source, listed_link
from cluster.jobs.job import Job, State
from cluster.jobs.job_run import (
    DownloadTask,
    JobContext,
    JobRun,
    Link,
    NotDownloaded,
    Stopped,
    StopReason,
)
from storage.backends.memory import MemoryBackend
from storage.errors import OutOfSpace
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock

SIZE = 100


async def _unused(*_: Any) -> Any:
    raise AssertionError("no download does that")


@dataclass
class Web:
    """The links of a job, and what becomes of them; those in `held` do not end before they may."""

    wanted: Sequence[str]
    outcomes: dict[str, list[Any]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)

    async def download(self, task: DownloadTask) -> int | None:
        name = task.link.name
        assert task.link.url == f"http://h/{name}"
        self.begun.append(name)
        task.begin(SIZE)
        await task.allow(SIZE // 2)
        if name in self.held:
            await self.held[name].wait()
        left = self.outcomes.get(name)
        outcome = left.pop(0) if left else SIZE
        if isinstance(outcome, BaseException):
            raise outcome
        await task.allow(SIZE // 2)
        return outcome

    async def save(self, xid: str, state: State) -> None:
        """Progress is looked at where it is made."""

    async def names(self, job: Job) -> list[str]:
        return [listed_link(Link(name, f"http://h/{name}")) for name in self.wanted]

    def run_of(self, state: State | None = None, **fields: Any) -> JobRun[Download]:
        context = JobContext(
            store=MemoryBackend(FakeClock()),
            copy=_unused,
            delete=_unused,
            clean=_unused,
            archive=_unused,
            download=self.download,
        )
        job = Download(bucket="b", source=Source.MULTI, count=len(self.wanted), **fields)
        return JobRun(job, state or State(), context, self)


def names(count: int) -> list[str]:
    return [f"{number:03}" for number in range(count)]


async def until(check: Callable[[], bool]) -> None:
    while not check():  # noqa: ASYNC110, there is nothing else to wait for
        await asyncio.sleep(0)


async def stopped(job: JobRun[Download], reason: StopReason, when: Callable[[], bool]) -> None:
    """Run the job until then, and stop it."""
    task = asyncio.create_task(download.carry_out(job))
    await until(when)
    job.stop = reason
    with pytest.raises(Stopped):
        await task


@pytest.mark.parametrize("connections", [1, 3, 64])
def test_every_link_is_read_once(connections: int) -> None:
    web = Web(names(100), {"003": [None], "050": [NotDownloaded("no")]})
    job = web.run_of(connections=connections)
    run(download.carry_out(job))
    assert sorted(web.begun) == names(100)
    state = job.state
    assert (state.objects, state.bytes, state.done, state.problems) == (98, 98 * SIZE, 100, 1)
    assert state.errors == ["050: no"]
    assert state.transfers is not None
    assert (state.transfers.skipped, state.transfers.failed) == (1, {"050": "no"})
    assert (state.transfers.all_known, state.transfers.running) == (True, [])
    assert len(state.transfers.finished) == 50


def test_what_may_do_later_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0))
    later = NotDownloaded("busy", later=True)
    web = Web(["a", "b", "c"], {"a": [later, later], "b": [later] * 9, "c": [NotDownloaded("no")]})
    job = web.run_of(connections=1)
    run(download.carry_out(job))
    assert web.begun == ["a"] * 3 + ["b"] * 3 + ["c"]
    assert (job.state.objects, job.state.errors) == (1, ["b: busy", "c: no"])


def test_a_long_one_holds_up_the_others_only_in_the_end() -> None:
    async def act() -> None:
        web = Web(names(500))
        web.held["000"] = asyncio.Event()
        job = web.run_of(connections=2)
        task = asyncio.create_task(download.carry_out(job))
        await until(lambda: len(web.begun) >= 64)
        web.held["000"].set()
        await task
        assert job.state.objects == 500

    run(act())


def test_what_is_done_behind_a_long_one_counts_at_once() -> None:
    async def act() -> None:
        web = Web(names(9))
        web.held["000"] = asyncio.Event()
        job = web.run_of(connections=2)
        task = asyncio.create_task(download.carry_out(job))
        await until(lambda: job.state.transfers is not None)
        transfers = job.state.transfers
        assert transfers is not None
        await until(lambda: transfers.ahead[0] == 8)
        assert (job.state.objects, job.state.done) == (0, 0)
        assert transfers.ahead == (8, 8 * SIZE, 0, 0)
        assert [(each.name, each.bytes) for each in transfers.running] == [("000", SIZE // 2)]
        web.held["000"].set()
        await task
        assert (job.state.objects, transfers.ahead) == (9, (0, 0, 0, 0))

    run(act())


def test_a_job_goes_on_where_it_was() -> None:
    async def act() -> None:
        web = Web(names(20))
        web.held["007"] = asyncio.Event()
        job = web.run_of(connections=2)
        await stopped(job, StopReason.SHUTDOWN, lambda: "019" in web.begun)
        assert (job.state.done, job.state.objects) == (7, 7)
        again = Web(names(20))
        continued = again.run_of(job.state, connections=2)
        await download.carry_out(continued)
        assert again.begun == names(20)[7:]
        assert (continued.state.done, continued.state.objects) == (20, 20)

    run(act())


def test_a_job_goes_on_that_had_begun_the_last() -> None:
    async def act() -> None:
        web = Web(names(3))
        web.held = {name: asyncio.Event() for name in names(3)}
        job = web.run_of(connections=8)

        def all_known() -> bool:
            return job.state.transfers is not None and job.state.transfers.all_known

        await stopped(job, StopReason.SHUTDOWN, all_known)
        assert (job.state.done, all_known()) == (0, True)
        again = Web(names(3))
        continued = again.run_of(job.state, connections=8)
        await download.carry_out(continued)
        assert again.begun == names(3)
        assert continued.state.objects == 3

    run(act())


def test_a_job_that_was_stopped_counts_all_that_it_did() -> None:
    async def act() -> None:
        web = Web(names(20))
        web.held["007"] = asyncio.Event()
        job = web.run_of(connections=2)

        def is_last_done() -> bool:
            transfers = job.state.transfers
            return transfers is not None and transfers.ahead[0] == 12

        await stopped(job, StopReason.STOPPED, is_last_done)
        assert job.state.objects == 19

    run(act())


def test_a_full_disk_ends_the_job() -> None:
    web = Web(names(100), {"010": [OutOfSpace("full")]})
    with pytest.raises(OutOfSpace):
        run(download.carry_out(web.run_of(connections=2)))
    assert len(web.begun) < 100


def test_an_object_may_take_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES_S", ())

    async def act() -> None:
        web = Web(["a", "b"])
        web.held["a"] = asyncio.Event()
        job = web.run_of(timeout_s=0.01)
        await download.carry_out(job)
        assert (job.state.objects, job.state.errors) == (1, ["a: not here within 0.01 s"])

    run(act())


# Bytes per hour


@dataclass
class Timer:
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_an_allowance_is_kept_over_any_time() -> None:
    timer = Timer()
    allowance = Allowance(3600 * 1000, timer, timer.sleep)

    async def take() -> None:
        for _ in range(50):
            await allowance.take(500)

    run(take())
    assert timer.now - 1000.0 == pytest.approx(25.0)
    timer.now += 100.0
    timer.slept.clear()
    run(take())
    # What was not used is not saved for longer than that.
    assert sum(timer.slept) == pytest.approx(25.0 - SAVED_S)


def test_no_limit_is_no_wait() -> None:
    timer = Timer()
    run(Allowance(0, timer, timer.sleep).take(1 << 40))
    assert timer.slept == []
