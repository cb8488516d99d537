"""prefetch-listrange: bring objects of a remote bucket here, before they are read.

The objects are those of a list, a template or a prefix. One that is here already is done; with
`latest`, one that is older than the backend's is replaced. An object that the backend does not have
is an error in a list, and skipped in a template, which may have holes. Repeating the job after a
crash brings what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from cluster.jobs.blob_download import BlobDownload
from cluster.jobs.job import Counted, SelectingJob
from cluster.jobs.job_run import JobRun, chosen_names, listed, missing, some_at_once
from cluster.jobs.kinds import Kind
from storage.errors import BucketNotFound, ObjectNotFound, OutOfSpace, StorageError
from storage.tier.remote import FetchTask
from storage.values import Parallel

DEFAULT_WORKERS = 16
MAX_WORKERS = 64
# Names between two saves of the job's place, for each worker: at each, workers wait for the last
# one.
_BATCH = 16


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
            await some_at_once(run, names, partial(_fetch, run))
        return
    async for infos in listed(run, size):
        await some_at_once(run, [info.name for info in infos], partial(_fetch, run))


async def _fetch(run: JobRun[PrefetchObjects], name: str) -> None:
    job = run.job
    try:
        task = FetchTask(
            job.bucket, name, job.latest, parallel=job.parallel, check=lambda _: run.check()
        )
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
