"""summary-bck: count a bucket's objects and bytes, by prefix.

It starts again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cluster.jobs.job import SelectingJob, Sizes, Tally
from cluster.jobs.job_run import PAGE, JobRun, listed_in, listed_versions_in
from cluster.jobs.kinds import Kind
from storage.errors import BucketNotFound
from storage.tier import RemoteBucket
from storage.values import ObjectInfo, Versioning


class Summary(SelectingJob, frozen=True, kw_only=True, tag="summary-bck"):
    """The objects of the bucket, or without one those of all `buckets`: all or those with the
    prefix. Those of a remote bucket that are not here are counted apart, and not at all with
    `here_only`."""

    buckets: tuple[str, ...] = ()
    here_only: bool = False


async def carry_out(run: JobRun[Summary]) -> None:
    state = run.state
    state.objects = state.bytes = 0
    state.tallies = {}
    if run.job.bucket:
        await _count(run, run.job.bucket)
    for bucket in run.job.buckets:
        # One that was removed meanwhile is not an error.
        with suppress(BucketNotFound):
            await _tally(run, bucket)


async def _tally(run: JobRun[Summary], bucket: str) -> None:
    state = run.state
    objects, bytes_ = state.objects, state.bytes
    await _count(run, bucket)
    sizes = state.sizes
    state.tallies[bucket] = Tally(
        state.objects - objects,
        state.bytes - bytes_,
        sizes.smallest,
        sizes.largest,
        sizes.stored,
        sizes.remote_objects,
        sizes.remote_bytes,
    )


async def _count(run: JobRun[Summary], bucket: str) -> None:
    """Count what the bucket has, beside what is counted already."""
    state, before = run.state, (run.state.objects, run.state.bytes)
    state.after, state.sizes = "", Sizes()
    info = await run.context.store.head_bucket(bucket)
    is_remote = RemoteBucket.setting_name in info.settings
    async for infos in listed_in(run, bucket, PAGE):
        if is_remote and not run.job.here_only:
            state.sizes.remote_objects += len(infos)
            state.sizes.remote_bytes += sum(each.size for each in infos)
        here = [each for each in infos if each.attributes.origin] if is_remote else infos
        if here:
            _add(run, here, since=before[0])
    state.sizes.stored = state.bytes - before[1]
    if info.versioning is not Versioning.NEVER:
        state.after = state.after_version = ""
        state.sizes.stored = 0
        async for entries in listed_versions_in(run, bucket, PAGE):
            state.sizes.stored += sum(each.info.size for each in entries)


def _add(run: JobRun[Summary], infos: Sequence[ObjectInfo], since: int) -> None:
    state, sizes = run.state, [info.size for info in infos]
    smallest = min(sizes)
    is_first = state.objects == since
    state.sizes.smallest = smallest if is_first else min(state.sizes.smallest, smallest)
    state.sizes.largest = max(state.sizes.largest, max(sizes))
    state.objects += len(sizes)
    state.bytes += sum(sizes)


KIND = Kind(Summary, carry_out, "summary")
