"""lru: evict what was not read for the longest time.

It begins when the disks are too full. Copies of what a backend has are removed here, and objects of
our own in buckets whose property `lru.enabled` says so. One pass over the index finds the oldest of
all that may go, as many as have to; it keeps a bounded number of them, and there are more passes
where these are not enough. An object that was read or written meanwhile stays.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cluster.jobs.job import Job
from cluster.jobs.job_run import PAGE, JobRun, Space
from cluster.jobs.kinds import Kind, Start
from storage.errors import BucketNotFound, ObjectNotFound, PreconditionFailed, StorageError
from storage.values import BucketInfo, Condition, DeleteRequest, Deletion, ListQuery, Versioning

# What one pass keeps in memory, and what one index transaction removes.
MOST_KEPT = 1 << 17
BATCH = 250
_NS = 1_000_000_000


class Lru(Job, frozen=True, kw_only=True, tag="lru"):
    """One bucket, or all."""


class Candidate(Struct, frozen=True, order=True):
    """An object that may go. `rank` is the time of its last use, negated: the smallest one was used
    last."""

    rank: int
    bucket: str
    name: str
    size: int
    etag: str


async def carry_out(run: JobRun[Lru]) -> None:
    space, job = run.context.space, run.job
    if job.bucket:
        await run.context.store.head_bucket(job.bucket)
    if space is None:
        return
    left = await space.surplus_bytes()
    while left > 0:
        buckets = await _buckets(space, job.bucket)
        freed = 0
        for batch in _batches(await _oldest(run, space, buckets, left)):
            freed += await _evict(run, space, buckets, batch)
            await run.progress()
        if not freed:
            break
        left -= freed
    while run.state.objects and await run.context.clean():
        await run.progress()


async def _buckets(space: Space, only: str) -> Mapping[str, BucketInfo]:
    """Return the buckets whose objects may go. A deletion in one with versions frees nothing."""
    return {
        bucket.name: bucket
        for bucket in await space.local.list_buckets()
        if bucket.versioning is Versioning.NEVER
        and space.kept_s(bucket) is not None
        and (not only or bucket.name == only)
    }


async def _oldest(
    run: JobRun[Lru], space: Space, buckets: Mapping[str, BucketInfo], wanted: int
) -> Sequence[Candidate]:
    """Return the objects that were not read for the longest time, oldest first: so many that they
    have the wanted bytes, or all that may go."""
    kept: list[Candidate] = []
    total = 0
    for bucket in buckets.values():
        after: str | None = ""
        while after is not None:
            try:
                page = await space.local.list_objects(bucket.name, ListQuery("", "", after, PAGE))
            except BucketNotFound:
                break
            before_ns = space.now_ns() - int((space.kept_s(bucket) or 0) * _NS)
            times = await space.read_times_ns(bucket, [info.name for info in page.objects])
            for info, read_ns in zip(page.objects, times, strict=True):
                at_ns = max(read_ns, info.modified_ns)
                if at_ns > before_ns or not info.size:
                    continue
                heapq.heappush(
                    kept, Candidate(-at_ns, bucket.name, info.name, info.size, info.etag)
                )
                total += info.size
                while kept and (total - kept[0].size >= wanted or len(kept) > MOST_KEPT):
                    total -= heapq.heappop(kept).size
            after = page.next_after
            run.check()
    return sorted(kept, reverse=True)


def _batches(oldest: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    """Split at the borders of buckets, too."""
    batches: list[list[Candidate]] = []
    for each in oldest:
        if not batches or len(batches[-1]) == BATCH or batches[-1][-1].bucket != each.bucket:
            batches.append([])
        batches[-1].append(each)
    return list(batches)


async def _evict(
    run: JobRun[Lru],
    space: Space,
    buckets: Mapping[str, BucketInfo],
    batch: Sequence[Candidate],
) -> int:
    """Remove those that are still as old; return the bytes."""
    bucket = buckets[batch[0].bucket]
    times = await space.read_times_ns(bucket, [each.name for each in batch])
    unread = [each for each, at_ns in zip(batch, times, strict=True) if at_ns <= -each.rank]
    requests = [DeleteRequest(each.name, Condition(if_match=(each.etag,))) for each in unread]
    try:
        outcomes = await space.remove(run.job, bucket, requests)
    except BucketNotFound:
        return 0
    gone = freed = 0
    for each, outcome in zip(unread, outcomes, strict=True):
        if isinstance(outcome, Deletion):
            gone += 1
            freed += each.size
        elif isinstance(outcome, StorageError) and not isinstance(
            outcome, ObjectNotFound | PreconditionFailed
        ):
            run.state.add_problem(f"{each.name}: {type(outcome).__name__}")
    run.state.objects += gone
    run.state.bytes += freed
    space.count(gone, freed)
    return freed


KIND = Kind(Lru, carry_out, "lru-eviction", Start.BY_NAME)
