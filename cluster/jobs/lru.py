"""lru: evict what was not used for long.

Eviction is for copies of what is kept elsewhere. Every bucket here is the only place of its
objects, and its property `lru.enabled` is false and cannot be changed: so the job looks at the
buckets, and evicts nothing.
"""

from __future__ import annotations

from cluster.jobs.work import Work


async def run(work: Work) -> None:
    if work.job.bucket:
        await work.world.store.head_bucket(work.job.bucket)
    work.check()
