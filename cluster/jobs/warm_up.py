"""load-lom-cache: read the metadata of a bucket's objects into memory, for later requests.

It starts again after a crash.
"""

from __future__ import annotations

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import PAGE, JobRun, listed_in
from cluster.jobs.kinds import Kind, Start


class WarmUp(SelectingJob, frozen=True, kw_only=True, tag="load-lom-cache"):
    """The objects of the bucket, all or those with the prefix."""


async def carry_out(run: JobRun[WarmUp]) -> None:
    state = run.state
    state.objects = state.bytes = 0
    state.after = ""
    async for infos in listed_in(run, run.job.bucket, PAGE, run.context.here):
        state.objects += len(infos)
        state.bytes += sum(info.size for info in infos)


KIND = Kind(WarmUp, carry_out, "warm-up-metadata", Start.BY_NAME, of_a_bucket=True)
