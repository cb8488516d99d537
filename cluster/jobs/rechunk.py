"""rechunk: store a bucket's objects in chunks of another size, or in one piece.

The job takes all objects of the bucket, or those with a prefix. Every version is rewritten in the
new chunks, and stays the same for its readers. One that has this form already costs only a look;
one that is overwritten or removed meanwhile is left alone. What cannot be read, because its key is
missing or it is damaged, is reported and stays as it is. After a crash the job continues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from msgspec import Struct

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import JobRun, listed_versions
from cluster.jobs.kinds import Kind, Start
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
# How long a stop of the job waits for an object that takes long.
STOP_S = 0.25
# No object is larger in one piece; a limit beyond it is never, which AIStore writes as 0.
_LARGEST = 1 << 40
_SETTLED = (ObjectChanged, ObjectNotFound, VersionNotFound, DeleteMarkerFound)
# Errors that are not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


class ChunkSizes(Struct, frozen=True):
    """Objects of `limit` bytes or more are kept in chunks of `size` bytes, others in one piece."""

    limit: int
    size: int


class Rechunk(SelectingJob, frozen=True, kw_only=True, tag="rechunk"):
    """The objects of the bucket, all or those with the prefix."""

    chunks: ChunkSizes

    @property
    def parameters(self) -> Mapping[str, str | int]:
        limit = self.chunks.limit if self.chunks.limit <= _LARGEST else 0
        sizes = {"objsize-limit": limit, "chunk-size": self.chunks.size}
        return {"prefix": self.prefix, **sizes}


async def carry_out(run: JobRun[Rechunk]) -> None:
    chunks = Chunking(run.job.chunks.limit, run.job.chunks.size)
    async for entries in listed_versions(run, BATCH):
        for entry in entries:
            if not entry.info.delete_marker:
                await _rechunk(run, chunks, entry.info)


async def _rechunk(run: JobRun[Rechunk], chunks: Chunking, info: ObjectInfo) -> None:
    options = ReadOptions(version=info.version, unlock=run.context.unlock)
    cutting = run.context.here.rechunk_object(run.job.bucket, info.name, chunks, options)
    try:
        await _to_its_end(run, cutting)
    except _SETTLED:
        return
    except _ENDS_ALL:
        raise
    except StorageError as error:
        why = str(error) if isinstance(error, KeyRequired) else type(error).__name__
        run.state.add_problem(f"{info.name}: {why}")
        return
    run.state.objects += 1
    run.state.bytes += info.size


async def _to_its_end(run: JobRun[Rechunk], cutting: Coroutine[Any, Any, bool]) -> None:
    """Await the rewrite, or cancel it when the job is to stop: the object is then unchanged."""
    task = asyncio.create_task(cutting)
    try:
        while not (await asyncio.wait((task,), timeout=STOP_S))[0]:
            run.check()
        task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


KIND = Kind(Rechunk, carry_out, start=Start.BY_NAME, of_a_bucket=True)
