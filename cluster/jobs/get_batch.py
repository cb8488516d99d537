"""`get-batch`: the record of batches, answered by the workers that receive them."""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind


class GetBatch(Job, frozen=True, kw_only=True, tag="get-batch"):
    """The batches of one caller about one bucket."""


async def carry_out(run: JobRun[GetBatch]) -> None:
    """Do nothing: the job has idled since it was registered."""


KIND = Kind(GetBatch, carry_out, idles=True, prefix="gbt-")
