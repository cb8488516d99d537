"""download: bring objects of the web, or of a backend, into a bucket.

The objects are those of a list of links, of a template of links, or those of the backend's bucket
whose names begin and end as they should. Several are on their way at once, and each that ends makes
room for the next one. The saved place is the first one that is not done; what is done behind it is
only asked for again after a crash, and skipped then, because it is here and unchanged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from enum import Enum
from posixpath import basename, join

from msgspec import Struct

from cluster.jobs.allowance import Allowance
from cluster.jobs.job import Job, Transfer, Transfers
from cluster.jobs.job_run import (
    PAGE,
    DownloadTask,
    JobFailed,
    JobRun,
    Link,
    NotDownloaded,
    StopReason,
)
from cluster.jobs.kinds import Kind
from cluster.jobs.synchronizing import remove_gone
from cluster.jobs.template import read_template
from storage.clock import SystemClock
from storage.errors import (
    BackendUnavailable,
    BucketNotFound,
    DeviceFailed,
    OutOfSpace,
    StorageError,
)
from storage.tier.remote import FetchTask
from storage.values import ListQuery

DEFAULT_CONNECTIONS = 8
MAX_CONNECTIONS = 64
DEFAULT_TIMEOUT_S = 3600.0
# The pauses before the second attempt and the third.
PAUSES_S = (1.0, 5.0)
# How soon a request to stop reaches the downloads under way.
_LOOK_S = 0.1
# How many may be done behind one that takes long, for each connection.
_AHEAD = 32
_SHOWN_FINISHED = 50
_SHOWN_FAILED = 100
_SHOWN_CHARS = 300
_BETWEEN = "\n"
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


class Source(Enum):
    """Where the objects come from, in AIStore's words for types of downloads."""

    SINGLE = "single"
    MULTI = "multi"
    RANGE = "range"
    BACKEND = "backend"


class Download(Job, frozen=True, kw_only=True, tag="download"):
    """`template` is of links, whose objects are below `folder`; `prefix` and `suffix` are those of
    names in the backend's bucket. `count` is the number of objects, -1 if it is unknown. One object
    may take `timeout_s` on each attempt. To synchronize is to remove here in the end what is gone
    from the backend. Headers that are sent with requests are `sealed_headers`. With `etl`, each
    object of a link is what this transformer makes of it, with the arguments `etl_args`."""

    source: Source = Source.SINGLE
    count: int = -1
    template: str = ""
    folder: str = ""
    prefix: str = ""
    suffix: str = ""
    description: str = ""
    connections: int = DEFAULT_CONNECTIONS
    bytes_per_hour: int = 0
    timeout_s: float = DEFAULT_TIMEOUT_S
    synchronize: bool = False
    sealed_headers: bytes = b""
    etl: str = ""
    etl_args: str = ""

    @property
    def workers(self) -> int:
        return self.connections

    @property
    def parameters(self) -> Mapping[str, str | int]:
        etl = {"etl": self.etl} if self.etl else {}
        return {"description": self.description, **etl}


def listed_link(link: Link) -> str:
    """Return a link as the job's list has it."""
    return f"{link.name}{_BETWEEN}{link.url}"


def templated_link(job: Download, url: str) -> Link:
    """Return the link of a template with its object's name."""
    return Link(join(job.folder, basename(url.partition("?")[0])), url)


class _Outcome(Struct, frozen=True):
    """What became of one object; `bytes` None if it was here, `failure` empty if there was none."""

    name: str
    bytes: int | None = None
    failure: str = ""


async def carry_out(run: JobRun[Download]) -> None:
    await _Downloads(run).run_all()
    if run.job.synchronize:
        await remove_gone(run, run.job.prefix, run.job.suffix)


class _Downloads:
    def __init__(self, run: JobRun[Download]) -> None:
        self._run = run
        self._job = run.job
        self._allowance = Allowance(run.job.bytes_per_hour)
        self._clock = SystemClock()
        if run.state.transfers is None:
            run.state.transfers = Transfers()
        self._shown = run.state.transfers
        self._shown.running, self._shown.ahead = [], (0, 0, 0, 0)
        # Of a process that ended: what it had begun is begun again.
        self._shown.all_known = False
        self._tasks: dict[asyncio.Task[_Outcome], int] = {}
        # By place in the sequence: what is done behind the first one that is not.
        self._done: dict[int, _Outcome] = {}
        self._first = self._next = 0

    async def run_all(self) -> None:
        try:
            async with aclosing(_links(self._run)) as links:
                await self._go_through(links)
        finally:
            await self._end()

    async def _go_through(self, links: AsyncIterator[Link]) -> None:
        while True:
            await self._begin_some(links)
            if not self._tasks:
                return
            await asyncio.wait(self._tasks, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            self._settle()
            await self._run.progress()

    async def _begin_some(self, links: AsyncIterator[Link]) -> None:
        most_ahead = _AHEAD * self._job.workers
        while (
            not self._shown.all_known
            and len(self._tasks) < self._run.gate.room
            and self._next - self._first < most_ahead
        ):
            link = await anext(links, None)
            if link is None:
                self._shown.all_known = True
                return
            transfer = Transfer(link.name, started_ns=self._clock.now_ns())
            self._shown.running.append(transfer)
            self._tasks[asyncio.create_task(self._bring(link, transfer))] = self._next
            self._next += 1

    def _settle(self) -> None:
        """Count what has ended. Raise what ends the whole job."""
        for task in [each for each in self._tasks if each.done()]:
            outcome = task.result()
            self._done[self._tasks.pop(task)] = outcome
            self._show(outcome)
        while self._first in self._done:
            self._count(self._done.pop(self._first))
            self._first += 1
        ahead = self._done.values()
        got = [each.bytes for each in ahead if each.bytes is not None]
        failed = sum(bool(each.failure) for each in ahead)
        self._shown.ahead = len(got), sum(got), len(ahead) - len(got) - failed, failed

    def _show(self, outcome: _Outcome) -> None:
        shown = self._shown
        transfer = next(each for each in shown.running if each.name == outcome.name)
        shown.running.remove(transfer)
        transfer.ended_ns = self._clock.now_ns()
        if not outcome.failure:
            shown.finished[outcome.name] = transfer
            if len(shown.finished) > _SHOWN_FINISHED:
                del shown.finished[next(iter(shown.finished))]
        elif len(shown.failed) < _SHOWN_FAILED:
            shown.failed[outcome.name] = outcome.failure[:_SHOWN_CHARS]

    def _count(self, outcome: _Outcome) -> None:
        state = self._run.state
        state.done += 1
        state.after = outcome.name
        if outcome.failure:
            state.add_problem(f"{outcome.name}: {outcome.failure}")
        elif outcome.bytes is None:
            self._shown.skipped += 1
        else:
            state.objects += 1
            state.bytes += outcome.bytes

    async def _end(self) -> None:
        """Stop what is under way. What is done counts, unless the job will be continued."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._run.stop is not StopReason.SHUTDOWN:
            for outcome in self._done.values():
                self._count(outcome)
        self._done.clear()
        self._shown.running, self._shown.ahead = [], (0, 0, 0, 0)

    async def _bring(self, link: Link, transfer: Transfer) -> _Outcome:
        """Bring one object, in several attempts if it must be."""
        for pause_s in (*PAUSES_S, None):
            try:
                return _Outcome(link.name, await self._attempt(link, transfer))
            except NotDownloaded as error:
                if pause_s is None or not error.later:
                    return _Outcome(link.name, failure=str(error))
            await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt has an outcome")

    async def _attempt(self, link: Link, transfer: Transfer) -> int | None:
        job, context = self._job, self._run.context

        def begin(total: int) -> None:
            transfer.bytes, transfer.total = 0, total

        def come(count: int) -> None:
            transfer.bytes = count

        async def allow(count: int) -> None:
            await self._allowance.take(count)
            transfer.bytes += count

        try:
            async with asyncio.timeout(job.timeout_s):
                if link.url:
                    task = DownloadTask(
                        job, link, begin, allow, job.sealed_headers, job.etl, job.etl_args
                    )
                    return await context.download(task)
                size = await context.fetch(FetchTask(job.bucket, link.name, True, check=come))
        except TimeoutError:
            raise NotDownloaded(f"not here within {job.timeout_s:g} s", later=True) from None
        except _ENDS_ALL:
            raise
        except StorageError as error:
            raise NotDownloaded(str(error), later=isinstance(error, BackendUnavailable)) from None
        transfer.bytes = transfer.total = size or 0
        return size


async def _links(run: JobRun[Download]) -> AsyncGenerator[Link, None]:
    """Yield what is not done yet."""
    job, state = run.job, run.state
    if job.source is Source.BACKEND:
        async with aclosing(_in_backend(run)) as links:
            async for link in links:
                yield link
    elif job.source is Source.RANGE:
        template = read_template(job.template)
        if template is None:
            raise JobFailed("the template has no range")
        for at in range(state.done, len(template)):
            yield templated_link(job, template[at])
    else:
        for text in (await run.checkpoints.names(job))[state.done :]:
            name, _, url = text.partition(_BETWEEN)
            yield Link(name, url)


async def _in_backend(run: JobRun[Download]) -> AsyncGenerator[Link, None]:
    job = run.job
    after: str | None = run.state.after
    while after is not None:
        page = await run.context.store.list_objects(
            job.bucket, ListQuery(job.prefix, after=after, limit=PAGE)
        )
        for info in page.objects:
            if info.name.endswith(job.suffix):
                yield Link(info.name, "")
        after = page.next_after


KIND = Kind(Download, carry_out, idles=True, prefix="dnl-")
