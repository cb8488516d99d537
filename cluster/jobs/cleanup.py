"""cleanup-store: remove now what housekeeping would remove later.

That is the data of what was deleted or replaced and has no reader any more. It starts again after a
crash.
"""

from __future__ import annotations

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind, Start


class Cleanup(Job, frozen=True, kw_only=True, tag="cleanup-store"):
    """All that can be removed."""


async def carry_out(run: JobRun[Cleanup]) -> None:
    while await run.context.clean():
        await run.progress()


KIND = Kind(Cleanup, carry_out, "cleanup", Start.BY_NAME)
