"""promote: make objects out of a file, or those in a folder, of the machine that runs the job.

After a crash it starts again: what is an object already is passed over, unless it is to be
replaced, and what was removed after it was promoted is not there any more.
"""

from __future__ import annotations

import asyncio
import os
from itertools import islice

from cluster.jobs.work import JobFailed, NotPromotable, Work

BATCH = 250


async def run(work: Work) -> None:
    orders = work.job.files
    assert orders is not None
    if orders.overwrite and not orders.delete_source:
        work.state.objects = work.state.bytes = 0
    try:
        found = iter(work.world.files.found(orders))
        while batch := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
            for path in batch:
                await _promote(work, path, _shown(f"{orders.source}/{path}"))
                await work.progress()
    except NotPromotable as error:
        raise JobFailed(f"{orders.source}: {error}") from None


async def _promote(work: Work, path: str, shown: str) -> None:
    """What cannot be promoted is told, and ends nothing."""
    work.check()
    try:
        size = await work.world.files.promote(work.job, path, work.check)
    except NotPromotable as error:
        work.state.add_problem(f"{shown}: {error}")
        return
    if size is not None:
        work.state.objects += 1
        work.state.bytes += size


def _shown(path: str) -> str:
    """Names of files can be any bytes."""
    return os.fsencode(path.rstrip("/")).decode(errors="backslashreplace")
