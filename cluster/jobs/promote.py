"""promote: turn files of the server's machine into objects.

The files are on the machine that runs the job. After a crash it starts again: a file that is an
object already is skipped, unless it is to be replaced, and one that was removed after it was
promoted does not exist any more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from itertools import islice

from cluster.jobs.job import Job
from cluster.jobs.job_run import FileOrders, FileTask, JobFailed, JobRun, NotPromotable
from cluster.jobs.kinds import Kind

BATCH = 250


class Promote(Job, frozen=True, kw_only=True, tag="promote"):
    """A file, or those in a folder; the prefix begins the names of the objects."""

    files: FileOrders
    prefix: str = ""

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"prefix": self.prefix}


async def carry_out(run: JobRun[Promote]) -> None:
    orders = run.job.files
    if orders.overwrite and not orders.delete_source:
        run.state.objects = run.state.bytes = 0
    try:
        found = iter(run.context.files.found(orders))
        while batch := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
            for path in batch:
                await _promote(run, path, _shown(f"{orders.source}/{path}"))
                await run.progress()
    except NotPromotable as error:
        raise JobFailed(f"{orders.source}: {error}") from None


async def _promote(run: JobRun[Promote], path: str, shown: str) -> None:
    """Promote a file; one that cannot be is reported, and does not end the job."""
    run.check()
    try:
        task = FileTask(run.job, run.job.files, run.job.prefix + path, path, run.check)
        size = await run.context.files.promote(task)
    except NotPromotable as error:
        run.state.add_problem(f"{shown}: {error}")
        return
    if size is not None:
        run.state.objects += 1
        run.state.bytes += size


def _shown(path: str) -> str:
    """Return the path as printable text: names of files can be any bytes."""
    return os.fsencode(path.rstrip("/")).decode(errors="backslashreplace")


KIND = Kind(Promote, carry_out, "promote-files")
