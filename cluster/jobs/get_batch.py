"""`get-batch`: batches are answered by the worker that gets them; the job only shows it."""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind


class GetBatch(Job, frozen=True, kw_only=True, tag="get-batch"):
    """The batches of one caller about one bucket."""


async def run(run: JobRun[GetBatch]) -> None:
    """Idles, as it did since it was registered."""


KIND = Kind(GetBatch, run, idles=True)
