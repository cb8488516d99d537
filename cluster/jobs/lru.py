"""lru: evict what was not used for a long time.

Eviction is for copies of what is kept elsewhere. Every bucket here is the only place of its
objects, and its property `lru.enabled` is false and cannot be changed: so the job looks at the
buckets, and evicts nothing.
"""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind, Start


class Lru(Job, frozen=True, kw_only=True, tag="lru"):
    """One bucket, or all."""


async def carry_out(run: JobRun[Lru]) -> None:
    if run.job.bucket:
        await run.context.store.head_bucket(run.job.bucket)
    run.check()


KIND = Kind(Lru, carry_out, "lru-eviction", Start.BY_NAME)
