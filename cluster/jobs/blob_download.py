"""blob-download: bring one large object here, in many ranges at once.

After a crash the job goes on with the ranges that came before it; when it is stopped, they are
removed.
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobFailed, JobRun, missing
from cluster.jobs.kinds import Kind
from storage.errors import ObjectNotFound, StorageError
from storage.tier.remote import FetchTask
from storage.values import Parallel


class BlobDownload(Job, frozen=True, kw_only=True, tag="blob-download"):
    """With `latest`, an object that is older than the backend's is replaced."""

    name: str
    latest: bool = False
    parallel: Parallel = Parallel()

    @property
    def parameters(self) -> Mapping[str, str | int]:
        chunk, workers = self.parallel.chunk_bytes, self.parallel.workers
        return {"object": self.name, "chunk-size": chunk, "workers": str(workers or "")}


async def carry_out(run: JobRun[BlobDownload]) -> None:
    job = run.job

    def check(done_bytes: int) -> None:
        run.state.bytes = done_bytes
        run.check()

    try:
        size = await run.context.fetch(
            FetchTask(job.bucket, job.name, job.latest, parallel=job.parallel, check=check)
        )
    except ObjectNotFound:
        raise JobFailed(missing(job, job.name)) from None
    except StorageError as error:
        raise JobFailed(f"{job.name}: {error}") from None
    if size is not None:
        run.state.objects, run.state.bytes = 1, size


KIND = Kind(BlobDownload, carry_out)
