"""rebalance and resilver: move objects to their node and mountpath.

There is one node, and the mountpaths of a store never change: an object is where its name wants it
from the moment that it is written, and these jobs find nothing to move.
"""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind, Start


class Rebalance(Job, frozen=True, kw_only=True, tag="rebalance"):
    """Between nodes."""


class Resilver(Job, frozen=True, kw_only=True, tag="resilver"):
    """Between the mountpaths of a node."""


async def carry_out(run: JobRun[Rebalance] | JobRun[Resilver]) -> None:
    if run.job.bucket:
        await run.context.store.head_bucket(run.job.bucket)
    run.check()


REBALANCE_KIND = Kind(Rebalance, carry_out, start=Start.BY_NAME)
RESILVER_KIND = Kind(Resilver, carry_out, start=Start.BY_NAME)
