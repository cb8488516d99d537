"""make-n-copies: one copy of each object, which is what there is.

The job is over when its request is: there is nothing to copy, and nothing to remove.
"""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind, Start


class MakeCopies(Job, frozen=True, kw_only=True, tag="make-n-copies"):
    """All objects of the bucket, one copy each."""


async def carry_out(run: JobRun[MakeCopies]) -> None:
    run.check()


KIND = Kind(MakeCopies, carry_out, "mirror", Start.AT_ONCE, of_a_bucket=True)
