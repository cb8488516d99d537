"""move-bck: the record of a bucket's rename, done by the request itself."""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind, Start


class MoveBucket(Job, frozen=True, kw_only=True, tag="move-bck"):
    """From `bucket` to `target`."""


async def carry_out(run: JobRun[MoveBucket]) -> None:
    """Not called: it is over when it is registered."""


KIND = Kind(MoveBucket, carry_out, "rename-bucket", Start.AT_ONCE)
