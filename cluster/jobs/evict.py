"""evict-listrange: remove objects of a remote bucket here; the backend keeps them.

The objects are those of a list, a template or a prefix; one that is not here is done. The job may
be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import JobRun, chosen_names, listed_in
from cluster.jobs.kinds import Kind
from storage.values import Deletion

# What one index transaction removes: others wait meanwhile.
BATCH = 250


class EvictObjects(SelectingJob, frozen=True, kw_only=True, tag="evict-listrange"):
    """The selected objects of the bucket."""


async def carry_out(run: JobRun[EvictObjects]) -> None:
    if run.job.names_objects:
        async for names in chosen_names(run, BATCH):
            await _evict(run, names, [0] * len(names))
        return
    # What is here is known here, also when the backend cannot be reached.
    async for infos in listed_in(run, run.job.bucket, BATCH, run.context.here):
        here = [info for info in infos if info.attributes.origin is not None]
        await _evict(run, [info.name for info in here], [info.size for info in here])


async def _evict(run: JobRun[EvictObjects], names: Sequence[str], sizes: Sequence[int]) -> None:
    outcomes = await run.context.evict(run.job.bucket, names)
    for name, outcome, size in zip(names, outcomes, sizes, strict=True):
        if not isinstance(outcome, Deletion):
            run.state.add_problem(f"{name}: {type(outcome).__name__}")
        elif outcome.existed:
            run.state.objects += 1
            run.state.bytes += size


KIND = Kind(EvictObjects, carry_out, "evict-objects")
