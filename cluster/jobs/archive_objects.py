"""archive: put a selection of objects into one archive.

The archive appears when it is complete, and not before, so after a crash the job starts again. An
object that is named and missing, or cannot be read, ends the job unless its `go_on` is set; an
object with the prefix that was deleted meanwhile is skipped. An archive with the prefix, in the
bucket that it is created from, is not put into itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import (
    PAGE,
    ArchiveOrders,
    ArchiveTask,
    JobRun,
    Unreadable,
    chosen_names,
    missing,
    selected_prefixes,
)
from cluster.jobs.kinds import Kind
from storage.values import ListQuery

BATCH = 64


class ArchiveObjects(SelectingJob, frozen=True, kw_only=True, tag="archive"):
    """The selected objects of the bucket, into one archive in the target."""

    archive: ArchiveOrders

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"template": self.template, "prefix": self.prefix, "archname": self.archive.name}


async def carry_out(run: JobRun[ArchiveObjects]) -> None:
    job = run.job
    task = ArchiveTask(
        job,
        job.archive,
        batches=partial(_batches, run, job.archive),
        begin=partial(_begin, run),
        count=partial(_count, run),
        skip=partial(_skip, run),
        check=run.check,
    )
    await run.context.archive(task)


def _begin(run: JobRun[ArchiveObjects]) -> None:
    state = run.state
    state.objects = state.bytes = state.done = state.problems = 0
    state.after, state.errors = "", []


def _count(run: JobRun[ArchiveObjects], size: int) -> None:
    run.state.objects += 1
    run.state.bytes += size


def _skip(run: JobRun[ArchiveObjects], name: str, error: Unreadable) -> None:
    if run.job.names_objects or not error.is_missing:
        run.problem(missing(run.job, name) if error.is_missing else f"{name}: {error}")


async def _batches(
    run: JobRun[ArchiveObjects], orders: ArchiveOrders
) -> AsyncGenerator[Sequence[str], None]:
    if run.job.names_objects:
        async for names in chosen_names(run, BATCH):
            yield names
        return
    async with aclosing(_listed(run, orders)) as found:
        async for names in found:
            yield names


async def _listed(
    run: JobRun[ArchiveObjects], orders: ArchiveOrders
) -> AsyncGenerator[Sequence[str], None]:
    job, delimiter = run.job, "" if orders.deep else "/"
    itself = orders.name if job.bucket == job.target else None
    for prefix in selected_prefixes(job.prefix, flat=not orders.deep):
        after: str | None = ""
        while after is not None:
            query = ListQuery(prefix, delimiter, after, PAGE)
            page = await run.context.store.list_objects(job.bucket, query)
            names = [info.name for info in page.objects if info.name != itself]
            for at in range(0, len(names), BATCH):
                yield names[at : at + BATCH]
                await run.progress()
            after = page.next_after


KIND = Kind(ArchiveObjects, carry_out, idles=True)
