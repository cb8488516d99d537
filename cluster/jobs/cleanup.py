"""cleanup-store: remove now what housekeeping removes in time, the data of what was deleted or
replaced and that nobody reads any more. It starts again after a crash."""

from __future__ import annotations

from cluster.jobs.work import Work


async def run(work: Work) -> None:
    while await work.world.clean():
        await work.progress()
