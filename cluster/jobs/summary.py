"""summary-bck: count a bucket's objects and bytes, by prefix.

It starts again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.jobs.job import SelectingJob, Sizes
from cluster.jobs.job_run import PAGE, JobRun, listed
from cluster.jobs.kinds import Kind
from storage.values import ObjectInfo


class Summary(SelectingJob, frozen=True, kw_only=True, tag="summary-bck"):
    """The objects of the bucket, all or those with the prefix."""


async def carry_out(run: JobRun[Summary]) -> None:
    state = run.state
    state.objects = state.bytes = 0
    state.after, state.sizes = "", Sizes()
    async for infos in listed(run, PAGE):
        _add(run, infos)


def _add(run: JobRun[Summary], infos: Sequence[ObjectInfo]) -> None:
    state, sizes = run.state, [info.size for info in infos]
    smallest = min(sizes)
    state.sizes.smallest = min(state.sizes.smallest, smallest) if state.objects else smallest
    state.sizes.largest = max(state.sizes.largest, max(sizes))
    state.objects += len(sizes)
    state.bytes += sum(sizes)


KIND = Kind(Summary, carry_out, "summary")
