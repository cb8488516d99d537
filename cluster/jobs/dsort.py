"""dsort: sort the records of many shards into new shards.

Each output shard appears whole, and after a crash the job begins again: it makes the same shards
once more, in the place of those that it made before. If it fails or is stopped, the shards that it
made are removed again; they are known by a mark.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from cluster.jobs.job import Job
from cluster.jobs.job_run import PAGE, JobFailed, JobRun, Stopped, StopReason
from cluster.jobs.kinds import Kind
from cluster.jobs.sort_progress import SortProgress
from cluster.jobs.sorting import MARK, SortOrders, SortTask
from cluster.jobs.template import read_counting, read_template
from storage.errors import BucketNotFound, StorageError
from storage.values import (
    NULL_VERSION,
    Condition,
    DeleteRequest,
    ListQuery,
    ObjectInfo,
    Versioning,
)


class Dsort(Job, frozen=True, kw_only=True, tag="dsort"):
    """The shards of a list, of the `template`, or with the `prefix`, into shards of the target."""

    orders: SortOrders
    template: str = ""
    prefix: str = ""
    description: str = ""

    @property
    def workers(self) -> int:
        return self.orders.writers

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"description": self.description}


async def carry_out(run: JobRun[Dsort]) -> None:
    before = run.state.sorting
    may_have_made = before is not None and before.is_creating
    run.state.objects = run.state.bytes = 0
    run.state.sorting = shown = SortProgress(is_creating=may_have_made)
    try:
        run.check()
        await run.context.sort(await _task(run, shown))
    except Stopped:
        if run.stop is not StopReason.SHUTDOWN:
            await _remove_made(run)
        raise
    except (JobFailed, StorageError):
        await _remove_made(run)
        raise


async def _task(run: JobRun[Dsort], shown: SortProgress) -> SortTask:
    job, listed = run.job, run.job.orders.listed
    sent = await run.checkpoints.names(job) if job.pieces else []
    names: Sequence[str] | None = sent[:listed]
    if not listed:
        names = read_template(job.template) if job.template else None

    async def save() -> None:
        await run.checkpoints.save(job.xid, run.state)

    def count(size: int) -> None:
        run.state.objects += 1
        run.state.bytes += size

    return SortTask(
        job,
        job.orders,
        names,
        job.prefix,
        "".join(sent[listed:]),
        shown,
        count,
        save,
        run.progress,
        run.check,
    )


async def _remove_made(run: JobRun[Dsort]) -> None:
    """Remove the shards that the job made; where there are versions, those before are back."""
    shown = run.state.sorting
    if shown is None or not shown.is_creating:
        return
    target = replace(run.job, bucket=run.job.target)
    with suppress(BucketNotFound):
        bucket = await run.context.store.head_bucket(target.bucket)
        has_versions = bucket.versioning is not Versioning.NEVER
        async for made in _made(run, target.bucket):
            requests = [_removal(each, has_versions=has_versions) for each in made]
            for outcome in await run.context.delete(target, requests):
                if isinstance(outcome, StorageError):
                    shown.warn(f"a shard is left: {outcome or type(outcome).__name__}")
    run.state.objects = run.state.bytes = 0
    shown.created = 0


def _removal(info: ObjectInfo, *, has_versions: bool) -> DeleteRequest:
    if has_versions and info.version != NULL_VERSION:
        return DeleteRequest(info.name, version=info.version)
    return DeleteRequest(info.name, Condition(if_match=(info.etag,)))


async def _made(run: JobRun[Dsort], bucket: str) -> AsyncIterator[list[ObjectInfo]]:
    """Yield the shards with the job's mark, page by page."""
    template = read_counting(run.job.orders.output)
    prefix = template.texts[0] if template is not None else ""
    after: str | None = ""
    while after is not None:
        page = await run.context.here.list_objects(bucket, ListQuery(prefix, "", after, PAGE))
        made = [info for info in page.objects if info.attributes.custom.get(MARK) == run.job.xid]
        if made:
            yield made
        after = page.next_after


KIND = Kind(Dsort, carry_out, prefix="srt-", undoes=True)
