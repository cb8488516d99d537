"""Runner of jobs: one process, a few at a time, oldest first.

A job whose process died, or was stopped, is begun again by the next one, from the place that it
saved: every kind may be repeated. A job that seems to kill the process is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, field

from cluster.jobs.catalog import BY_NAME
from cluster.jobs.job import Job, JobStatus
from cluster.jobs.job_run import JobContext, JobFailed, JobRun, Stopped, StopReason
from cluster.jobs.registry import Registry
from cluster.maintenance import StoppedWithin
from storage.errors import BucketNotFound, StorageError

log = logging.getLogger(__name__)

Run = Callable[[JobRun[Any]], Awaitable[None]]

RUNS: Mapping[str, Run] = {name: kind.run for name, kind in BY_NAME.items()}
# How soon a new job is begun, and a stop request reaches its job.
LOOK_S = 0.05
SWEEP_S = 60.0
MAX_STARTS = 5
_NS = 1_000_000_000


class Limits(Struct, frozen=True):
    """`at_once` jobs run; the others wait. Those that idle end after `idle_s`; of those that ended,
    `kept` are kept, for `kept_s`."""

    at_once: int = 4
    idle_s: float = 60.0
    kept: int = 1000
    kept_s: float = 3600.0


class Runner(Struct):
    context: JobContext
    registry: Registry
    limits: Limits = field(default_factory=Limits)
    runs: Mapping[str, Run] = field(default_factory=lambda: RUNS)
    _running: dict[str, tuple[JobRun[Job], asyncio.Task[None]]] = field(default_factory=dict)
    _seen: int = -1
    _swept_ns: int = 0
    _next_end_ns: int | None = None

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks of the running jobs."""
        return [task for _, task in self._running.values() if not task.done()]

    def keep_to(self, limits: Limits) -> None:
        """Apply these limits from now on, also to running and idle jobs."""
        self.limits = limits
        self._seen = -1

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Run until it is time to stop; jobs then stop where they are, to be continued later."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._look_safely(group)
                if await stopped_within(LOOK_S):
                    break
            for run, _ in self._running.values():
                run.stop = run.stop or StopReason.SHUTDOWN

    async def _look_safely(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._look(group)
        except StorageError as error:
            self._seen = -1
            log.error("cannot look after the jobs", extra={"error": repr(error)})

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Begin, stop and forget what is due; most of the time there is nothing to do."""
        registry, now_ns = self.registry, self.registry.clock.now_ns()
        if now_ns - self._swept_ns >= SWEEP_S * _NS:
            self._swept_ns = now_ns
            await registry.forget(older_than_s=self.limits.kept_s, beyond=self.limits.kept)
        revision = registry.revision()
        due = self._next_end_ns is not None and now_ns >= self._next_end_ns
        if revision == self._seen and not due:
            return
        self._seen, self._next_end_ns = revision, None
        # One that ends from here on is still unfinished in what is read now.
        self._running = {x: each for x, each in self._running.items() if not each[1].done()}
        for known in await registry.all():
            if not known.is_over:
                await self._tend(known, group, now_ns)

    async def _tend(self, known: JobStatus, group: asyncio.TaskGroup, now_ns: int) -> None:
        xid = known.job.xid
        if known.is_idle:
            await self._end_idle(known, now_ns)
        elif xid in self._running:
            if known.stopping:
                run, _ = self._running[xid]
                run.stop = run.stop or StopReason.STOPPED
        elif known.stopping and not (known.state.starts and BY_NAME[known.job.kind].undoes):
            await self._abort(known, StopReason.STOPPED.value)
        elif known.state.starts >= MAX_STARTS:
            await self._abort(known, "the server ended each time that it was begun")
        elif len(self.tasks) < self.limits.at_once:
            await self._begin(known, group)

    async def _end_idle(self, known: JobStatus, now_ns: int) -> None:
        """End an idle job at its time, or now on a stop request; its work is done either way."""
        end_ns = known.state.idle_ns + int(self.limits.idle_s * _NS)
        if known.stopping:
            await self._abort(known, StopReason.STOPPED.value)
        elif BY_NAME[known.job.kind].lasts:
            return
        elif now_ns >= end_ns:
            await self.registry.end(known.job, known.state)
        else:
            self._next_end_ns = min(end_ns, self._next_end_ns or end_ns)

    async def _abort(self, known: JobStatus, why: str) -> None:
        known.state.aborted, known.state.abort_error = True, why
        await self.registry.end(known.job, known.state)

    async def _begin(self, known: JobStatus, group: asyncio.TaskGroup) -> None:
        """Save the start before the run begins; a job that kills the process would otherwise do so
        for ever."""
        stop = StopReason.STOPPED if known.stopping else None
        run = JobRun(known.job, known.state, self.context, self.registry, stop)
        run.state.starts += 1
        await self.registry.save(known.job.xid, run.state)
        self._running[known.job.xid] = run, group.create_task(self._carry_out(run))

    async def _carry_out(self, run: JobRun[Job]) -> None:
        xid, state = run.job.xid, run.state
        try:
            if await self._finish(run):
                await self._close(run)
            else:
                # That was not a failed attempt.
                state.starts -= 1
                run.rewind()
                await self.registry.save(xid, state)
        except StorageError as error:
            # It is begun again.
            log.error("cannot write down a job", extra={"job": xid, "error": repr(error)})
        finally:
            self._seen = -1

    async def _close(self, run: JobRun[Job]) -> None:
        state, kind = run.state, BY_NAME[run.job.kind]
        fields = {"job": run.job.xid, "kind": kind.name, "objects": state.objects}
        fields |= {"problems": state.problems, "aborted": state.aborted}
        log.info("job done", extra=fields)
        if kind.idles and not state.aborted:
            state.idle_ns = self.registry.clock.now_ns()
            await self.registry.save(run.job.xid, state)
        else:
            await self.registry.end(run.job, state)

    async def _finish(self, run: JobRun[Job]) -> bool:
        """Do the run, and record its outcome; False when it is to be continued later."""
        try:
            await self.runs[run.job.kind](run)
            return True
        except Stopped as error:
            if run.stop is StopReason.SHUTDOWN:
                return False
            why = str(error)
        except BucketNotFound as error:
            why = f'bucket "ais://{str(error) or run.job.bucket}" does not exist'
        except (JobFailed, StorageError) as error:
            why = str(error) or type(error).__name__
        except Exception as error:
            log.exception("job failed", extra={"job": run.job.xid, "kind": run.job.kind})
            why = f"internal error: {type(error).__name__}"
        run.state.aborted, run.state.abort_error = True, why
        return True
