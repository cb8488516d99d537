"""copy-listrange and copy-bck: copy the objects of a list, a template or a prefix.

A copy has the bytes, content headers, metadata and tags of its source, replaces the object with its
name, and sends the events that S3's copies send. Repeating a copy gives the same result, so after a
crash the job continues a few objects before the last one. A missing object does not end the job: it
is an error where a list names it, and is expected in a template, because templates may have holes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import (
    CopyTask,
    JobRun,
    NotCopied,
    chosen_names,
    listed,
    missing,
    some_at_once,
)
from cluster.jobs.kinds import Kind
from cluster.jobs.pruning import prune
from storage.errors import BucketNotFound, ObjectNotFound, OutOfSpace, StorageError
from storage.tier.remote import FetchTask
from storage.values import ObjectInfo

MAX_WORKERS = 16
_ROUND = 4


class CopyObjects(SelectingJob, frozen=True, kw_only=True, tag="copy-listrange"):
    """The selected objects of the bucket, into the target. `prepend` begins the names of the
    copies; `workers` objects are copied at once; a `dry_run` only counts. With `latest`, what a
    backend has now is copied. To `synchronize` is that, and to delete the selected names of the
    target that the bucket does not have; a list selects none. A remote bucket may be its own
    target: then what is here of it is replaced by what is newer, and removed with what is gone.
    `ext` are extensions of copies, by those of their sources."""

    prepend: str = ""
    ext: dict[str, str] = {}
    dry_run: bool = False
    synchronize: bool = False
    latest: bool = False
    workers: int = 1

    @property
    def refreshes(self) -> bool:
        """Whether it is about what is here of the bucket."""
        return self.target == self.bucket and not self.prepend

    def new_name(self, name: str) -> str:
        """Return the name of a copy."""
        before, dot, ext = name.rpartition(".")
        if dot and ext in self.ext:
            name = f"{before}.{self.ext[ext].lstrip('.')}"
        return self.prepend + name

    @property
    def parameters(self) -> Mapping[str, str | int]:
        dry_run = "true" if self.dry_run else ""
        selection = {"template": self.template, "prefix": self.prefix}
        synchronize = "true" if self.synchronize else ""
        latest = "true" if self.latest else ""
        flags = {"dry-run": dry_run, "sync": synchronize, "latest": latest}
        return {**selection, "prepend": self.prepend, **flags}


class CopyBucket(CopyObjects, frozen=True, kw_only=True, tag="copy-bck"):
    """All objects of the bucket, or those with the prefix."""


C = TypeVar("C", bound=CopyObjects)


async def carry_out(run: JobRun[CopyObjects]) -> None:
    size = run.job.workers * _ROUND
    if run.job.names_objects:
        async for names in chosen_names(run, size):
            await some_at_once(run, names, partial(_copy_one, run))
    else:
        async for infos in listed(run, size):
            if run.job.dry_run:
                _count(run, infos)
            else:
                await some_at_once(run, [info.name for info in infos], partial(_copy_one, run))
    if run.job.synchronize and not run.job.dry_run and not run.job.refreshes:
        await prune(run)


def _count(run: JobRun[CopyObjects], infos: Sequence[ObjectInfo]) -> None:
    run.state.objects += len(infos)
    run.state.bytes += sum(info.size for info in infos)


async def _copy_one(run: JobRun[CopyObjects], name: str) -> None:
    try:
        size = await _dry(run, name) if run.job.dry_run else await _copy(run, name)
    except NotCopied as error:
        note_problem(run, name, error)
        return
    run.state.objects += 1
    run.state.bytes += size


async def _copy(run: JobRun[CopyObjects], name: str) -> int:
    job = run.job
    if job.refreshes:
        return await _refresh(run, name)
    latest = job.latest or job.synchronize
    return await run.context.copy(CopyTask(job, name, job.new_name(name), run.check, latest))


async def _refresh(run: JobRun[CopyObjects], name: str) -> int:
    """Have the backend's latest here. One that it does not have is removed by a job that
    synchronizes."""
    job = run.job
    task = FetchTask(job.bucket, name, True, job.synchronize, check=lambda _: run.check())
    try:
        return await run.context.fetch(task) or 0
    except ObjectNotFound:
        return 0
    except (BucketNotFound, OutOfSpace):
        # The same would happen with every other one.
        raise
    except StorageError as error:
        raise NotCopied(str(error)) from None


async def _dry(run: JobRun[CopyObjects], name: str) -> int:
    try:
        return (await run.context.store.head_object(run.job.bucket, name)).info.size
    except ObjectNotFound:
        raise NotCopied("it does not exist", is_missing=True) from None


def note_problem(run: JobRun[C], name: str, error: NotCopied) -> None:
    """Record a problem. Raises `JobFailed` for one that ends the job."""
    if not error.is_missing:
        run.problem(f"{name}: {error}")
    elif run.job.pieces:
        run.state.add_problem(missing(run.job, name))


KIND = Kind(CopyObjects, carry_out, "copy-objects", idles=True, prefix="tco-")
BUCKET_KIND = Kind(CopyBucket, carry_out, "copy-bucket")
