"""Pruning: what a copy that synchronizes deletes in its target.

These are the selected names that the source no longer has. The pages of both buckets are compared
in the order of names, so the work is in proportion to what both hold. After a crash it begins
again: what was deleted is gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from cluster.jobs.job_run import PAGE, JobRun, selected_prefixes
from cluster.jobs.template import read_template
from storage.errors import ObjectNotFound, PreconditionFailed, StorageError
from storage.values import Condition, DeleteRequest, ListQuery, ReadOptions

if TYPE_CHECKING:
    from cluster.jobs.job import Job, SelectingJob

# What one index transaction deletes: others wait meanwhile.
BATCH = 250


async def prune(run: JobRun[SelectingJob]) -> None:
    async for names in _surplus(run):
        for at in range(0, len(names), BATCH):
            await _delete(run, names[at : at + BATCH])
            await run.progress()


def _surplus(run: JobRun[SelectingJob]) -> AsyncIterator[Sequence[str]]:
    return _of_template(run) if run.job.template else _of_prefix(run)


async def _of_prefix(run: JobRun[SelectingJob]) -> AsyncIterator[Sequence[str]]:
    job = run.job
    if job.names_objects:
        return
    for prefix in selected_prefixes(job.prefix, flat=job.flat):
        after: str | None = ""
        while after is not None:
            query = ListQuery(prefix, "/" if job.flat else "", after, PAGE)
            page = await run.context.store.list_objects(job.target, query)
            names = [info.name for info in page.objects]
            if names:
                kept = await names_between(run, job.bucket, query, names[-1])
                yield [name for name in names if name not in kept]
            after = page.next_after


async def names_between(run: JobRun[Job], bucket: str, query: ListQuery, last: str) -> set[str]:
    """Return a bucket's names from the query's place to the last name of another page."""
    found: set[str] = set()
    after: str | None = query.after
    while after is not None and after < last:
        asked = ListQuery(query.prefix, query.delimiter, after, PAGE)
        page = await run.context.store.list_objects(bucket, asked)
        found.update(info.name for info in page.objects)
        after = page.next_after
        run.check()
    return found


async def _of_template(run: JobRun[SelectingJob]) -> AsyncIterator[Sequence[str]]:
    names = read_template(run.job.template) or ()
    for at in range(0, len(names), BATCH):
        yield [name for name in names[at : at + BATCH] if not await _has(run, name)]
        run.check()


async def _has(run: JobRun[SelectingJob], name: str) -> bool:
    try:
        await run.context.store.head_object(run.job.bucket, name, ReadOptions(latest=True))
    except ObjectNotFound:
        return False
    return True


async def _delete(run: JobRun[SelectingJob], names: Sequence[str]) -> None:
    in_target = msgspec.structs.replace(run.job, bucket=run.job.target)
    requests = [DeleteRequest(name, Condition(if_match=("*",))) for name in names]
    for name, outcome in zip(names, await run.context.delete(in_target, requests), strict=True):
        if isinstance(outcome, ObjectNotFound | PreconditionFailed):
            continue
        if isinstance(outcome, StorageError):
            run.state.add_problem(f"{name}: {type(outcome).__name__}")
