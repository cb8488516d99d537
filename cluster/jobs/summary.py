"""summary-bck: count a bucket's objects and bytes, by prefix.

It starts again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cluster.jobs.job import SelectingJob, Sizes, Tally
from cluster.jobs.job_run import PAGE, JobRun, listed, listed_in
from cluster.jobs.kinds import Kind
from storage.errors import BucketNotFound
from storage.values import ObjectInfo


class Summary(SelectingJob, frozen=True, kw_only=True, tag="summary-bck"):
    """The objects of the bucket, or without one those of all `buckets`: all or those with the
    prefix."""

    buckets: tuple[str, ...] = ()


async def carry_out(run: JobRun[Summary]) -> None:
    state = run.state
    state.objects = state.bytes = 0
    state.after, state.sizes, state.tallies = "", Sizes(), {}
    if run.job.bucket:
        async for infos in listed(run, PAGE):
            _add(run, infos)
    for bucket in run.job.buckets:
        # One that was removed meanwhile is not an error.
        with suppress(BucketNotFound):
            await _tally(run, bucket)


async def _tally(run: JobRun[Summary], bucket: str) -> None:
    state = run.state
    before = state.objects, state.bytes
    state.after, state.sizes = "", Sizes()
    await run.context.store.head_bucket(bucket)
    async for infos in listed_in(run, bucket, PAGE):
        _add(run, infos, since=before[0])
    objects, bytes_ = state.objects - before[0], state.bytes - before[1]
    state.tallies[bucket] = Tally(objects, bytes_, state.sizes.smallest, state.sizes.largest)


def _add(run: JobRun[Summary], infos: Sequence[ObjectInfo], since: int = 0) -> None:
    state, sizes = run.state, [info.size for info in infos]
    smallest = min(sizes)
    is_first = state.objects == since
    state.sizes.smallest = smallest if is_first else min(state.sizes.smallest, smallest)
    state.sizes.largest = max(state.sizes.largest, max(sizes))
    state.objects += len(sizes)
    state.bytes += sum(sizes)


KIND = Kind(Summary, carry_out, "summary")
