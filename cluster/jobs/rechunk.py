"""rechunk: keep the objects of a bucket, all or those with a prefix, in other chunks or in none.

Every version is cut anew and stays what it was for whoever reads it. One that is kept so already
costs a look; one that is overwritten or removed meanwhile is left to who did that. What cannot be
read, for want of its key or because it is damaged, is told and stays as it is. After a crash the
job goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from cluster.jobs.work import JobFailed, Work, listed_versions
from storage.chunking import Chunking
from storage.errors import (
    BucketNotFound,
    DeleteMarkerFound,
    DeviceFailed,
    KeyRequired,
    ObjectChanged,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
    VersionNotFound,
)
from storage.values import ObjectInfo, ReadOptions

BATCH = 100
# How long whoever stops the job waits for an object that takes long.
STOP_S = 0.25
_SETTLED = (ObjectChanged, ObjectNotFound, VersionNotFound, DeleteMarkerFound)
# What is not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


async def run(work: Work) -> None:
    orders = work.job.chunks
    if orders is None:
        raise JobFailed("the job says nothing of chunks")
    chunks = Chunking(orders.limit, orders.size)
    async for entries in listed_versions(work, BATCH):
        for entry in entries:
            if not entry.info.delete_marker:
                await _rechunk(work, chunks, entry.info)


async def _rechunk(work: Work, chunks: Chunking, info: ObjectInfo) -> None:
    options = ReadOptions(version=info.version, unlock=work.world.unlock)
    cutting = work.world.store.rechunk_object(work.job.bucket, info.name, chunks, options)
    try:
        await _to_its_end(work, cutting)
    except _SETTLED:
        return
    except _ENDS_ALL:
        raise
    except StorageError as error:
        why = str(error) if isinstance(error, KeyRequired) else type(error).__name__
        work.state.add_problem(f"{info.name}: {why}")
        return
    work.state.objects += 1
    work.state.bytes += info.size


async def _to_its_end(work: Work, cutting: Coroutine[Any, Any, bool]) -> None:
    """Or until the job is to stop: then nothing has happened to the object."""
    task = asyncio.create_task(cutting)
    try:
        while not (await asyncio.wait((task,), timeout=STOP_S))[0]:
            work.check()
        task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
