"""prefetch-listrange: bring objects of a remote bucket here, before they are read.

The objects are those of a list, a template or a prefix. One that is here already is done; with
`latest`, one that is older than the backend's is replaced. An object that the backend does not have
is an error in a list, and skipped in a template, which may have holes. Repeating the job after a
crash brings what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cluster.jobs.blob_download import BlobDownload
from cluster.jobs.job import Counted, SelectingJob
from cluster.jobs.job_run import JobRun, chosen_names, listed, missing
from cluster.jobs.kinds import Kind
from storage.errors import BucketNotFound, ObjectNotFound, OutOfSpace, StorageError
from storage.tier.remote import FetchTask
from storage.values import Parallel

DEFAULT_WORKERS = 16
MAX_WORKERS = 64
# Names between two saves of the job's place, for each worker.
_BATCH = 4


class PrefetchObjects(SelectingJob, frozen=True, kw_only=True, tag="prefetch-listrange"):
    """`at_once` objects are fetched at the same time; one with `parallel.least_bytes` in many
    ranges."""

    latest: bool = False
    at_once: int = DEFAULT_WORKERS
    parallel: Parallel | None = None

    @property
    def workers(self) -> int:
        return self.at_once

    @property
    def parameters(self) -> Mapping[str, str | int]:
        shown = dict(super().parameters)
        if self.parallel is not None:
            shown["blob-threshold"] = self.parallel.least_bytes
        return shown


async def carry_out(run: JobRun[PrefetchObjects]) -> None:
    size = run.job.workers * _BATCH
    if run.job.names_objects:
        async for names in chosen_names(run, size):
            await _fetch_all(run, names)
        return
    async for infos in listed(run, size):
        await _fetch_all(run, [info.name for info in infos])


async def _fetch_all(run: JobRun[PrefetchObjects], names: Sequence[str]) -> None:
    """Fetch all of a batch, some at a time. Raise the first reason to stop, once all are over."""
    gate = asyncio.Semaphore(run.job.workers)
    each = (_fetch(run, name, gate) for name in names)
    for outcome in await asyncio.gather(*each, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _fetch(run: JobRun[PrefetchObjects], name: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        run.check()
        await _fetch_one(run, name)


async def _fetch_one(run: JobRun[PrefetchObjects], name: str) -> None:
    job = run.job
    try:
        task = FetchTask(job.bucket, name, job.latest, job.parallel, lambda _: run.check())
        size = await run.context.fetch(task)
    except (BucketNotFound, OutOfSpace):
        # The same would happen with every other one.
        raise
    except ObjectNotFound:
        if job.pieces:
            run.problem(missing(job, name))
    except StorageError as error:
        run.problem(f"{name}: {error}")
    else:
        if size is not None:
            run.state.objects += 1
            run.state.bytes += size
            if job.parallel is not None and size >= job.parallel.least_bytes:
                await _record(run, name, size)


async def _record(run: JobRun[PrefetchObjects], name: str, size: int) -> None:
    """Have a download in parts among the jobs: AIStore's clients look for it there."""
    job = run.job
    assert job.parallel is not None, "the caller's condition"
    download = BlobDownload(
        requested_by=job.requested_by, bucket=job.bucket, name=name, parallel=job.parallel
    )
    await run.context.record(download, Counted(1, size))


KIND = Kind(PrefetchObjects, carry_out, "prefetch-objects")
