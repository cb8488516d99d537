"""archive: put the objects of a list, a template or a prefix into one archive.

The archive is there when all of it is, and not before, so after a crash the job starts again. An
object that is named and missing, or cannot be read, ends it unless it was asked to go on; one with
the prefix that was deleted meanwhile is passed over. An archive in the bucket that it is made of is
not put into itself by its prefix.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from cluster.jobs.records import ArchiveOrders
from cluster.jobs.work import (
    PAGE,
    Archiving,
    JobFailed,
    Unreadable,
    Work,
    chosen_names,
    names_objects,
)
from storage.values import ListQuery

BATCH = 64


async def run(work: Work) -> None:
    orders = work.job.archive
    if orders is None:
        raise JobFailed("the job names no archive")
    archiving = Archiving(
        work.job,
        orders,
        batches=partial(_batches, work, orders),
        begin=partial(_begin, work),
        count=partial(_count, work),
        skip=partial(_skip, work),
        check=work.check,
    )
    await work.world.archive(archiving)


def _begin(work: Work) -> None:
    state = work.state
    state.objects = state.bytes = state.done = state.problems = 0
    state.after, state.errors = "", []


def _count(work: Work, size: int) -> None:
    work.state.objects += 1
    work.state.bytes += size


def _skip(work: Work, name: str, error: Unreadable) -> None:
    if names_objects(work.job) or not error.is_missing:
        work.problem(f"{name}: {error}")


async def _batches(work: Work, orders: ArchiveOrders) -> AsyncGenerator[Sequence[str], None]:
    if names_objects(work.job):
        async for names in chosen_names(work, BATCH):
            yield names
        return
    async with aclosing(_listed(work, orders)) as found:
        async for names in found:
            yield names


async def _listed(work: Work, orders: ArchiveOrders) -> AsyncGenerator[Sequence[str], None]:
    job, delimiter = work.job, "" if orders.deep else "/"
    itself = orders.name if job.bucket == job.target else None
    after: str | None = ""
    while after is not None:
        query = ListQuery(job.prefix, delimiter, after, PAGE)
        page = await work.world.store.list_objects(job.bucket, query)
        names = [info.name for info in page.objects if info.name != itself]
        for at in range(0, len(names), BATCH):
            yield names[at : at + BATCH]
            await work.progress()
        after = page.next_after
