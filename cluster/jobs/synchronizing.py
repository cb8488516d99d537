"""Synchronizing: what is here of a backend's bucket, and gone there, is removed here.

The pages of what is here and of the backend's listing are compared in the order of names. The
backend's objects are not touched, so to do it twice is to do it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.jobs.job_run import PAGE, JobRun
from cluster.jobs.pruning import BATCH, names_between
from storage.values import Deletion, ListQuery

if TYPE_CHECKING:
    from cluster.jobs.job import Job


async def remove_gone(run: JobRun[Job], prefix: str, suffix: str) -> None:
    """Remove the objects here whose names begin and end so, and that the backend does not have.
    Raises the backend's errors: then nothing more is removed."""
    bucket, context = run.job.bucket, run.context
    after: str | None = ""
    while after is not None:
        query = ListQuery(prefix, after=after, limit=PAGE)
        page = await context.here.list_objects(bucket, query)
        here = [
            info.name
            for info in page.objects
            if info.name.endswith(suffix) and info.attributes.origin is not None
        ]
        if here:
            there = await names_between(run, bucket, query, here[-1])
            gone = [name for name in here if name not in there]
            for at in range(0, len(gone), BATCH):
                names = gone[at : at + BATCH]
                for name, outcome in zip(names, await context.evict(bucket, names), strict=True):
                    if not isinstance(outcome, Deletion):
                        run.state.add_problem(f"{name}: {type(outcome).__name__}")
                await run.progress()
        after = page.next_after
