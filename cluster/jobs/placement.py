"""rebalance and resilver: bring objects to the node, and on it to the mountpath, where they belong.

There is one node, and the mountpaths of a store never change: an object is where its name wants it
from the moment that it is written, and these jobs find nothing to move.
"""

from __future__ import annotations

from cluster.jobs.work import Work


async def run(work: Work) -> None:
    if work.job.bucket:
        await work.world.store.head_bucket(work.job.bucket)
    work.check()
