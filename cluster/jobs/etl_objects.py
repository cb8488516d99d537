"""etl-listrange and etl-bck: copies of objects as transformers make them.

They are copies in all else: names, events, and what is done again after a crash. An object that a
transformer cannot do is listed with its error. A dry run transforms the objects too, and writes
nothing: it finds out which ones a transformer cannot do.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from cluster.jobs.copy_objects import CopyObjects, note_problem
from cluster.jobs.job import ObjectProblem
from cluster.jobs.job_run import CopyTask, JobRun, NotCopied, chosen_names, listed, some_at_once
from cluster.jobs.kinds import Kind
from cluster.jobs.pruning import prune

# More objects than are in progress, so that a batch's last one seldom keeps the others waiting.
_ROUND = 16


class EtlObjects(CopyObjects, frozen=True, kw_only=True, tag="etl-listrange"):
    """The selected objects, through the transformers `etls`, one after the other."""

    etls: tuple[str, ...] = ()

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"etl": ",".join(self.etls), **super().parameters}


class EtlBucket(EtlObjects, frozen=True, kw_only=True, tag="etl-bck"):
    """All objects of the bucket, or those with the prefix."""


async def carry_out(run: JobRun[EtlObjects]) -> None:
    size = run.job.workers * _ROUND
    if run.job.names_objects:
        async for names in chosen_names(run, size):
            await some_at_once(run, names, partial(_transform, run))
    else:
        async for infos in listed(run, size):
            await some_at_once(run, [info.name for info in infos], partial(_transform, run))
    if run.job.synchronize and not run.job.dry_run:
        await prune(run)


async def _transform(run: JobRun[EtlObjects], name: str) -> None:
    job = run.job
    task = CopyTask(
        job,
        name,
        job.new_name(name),
        run.check,
        job.latest or job.synchronize,
        job.etls,
        job.dry_run,
    )
    try:
        size = await run.context.copy(task)
    except NotCopied as error:
        run.state.add_failed(ObjectProblem(name, str(error), error.status))
        if not job.dry_run:
            note_problem(run, name, error)
        return
    run.state.objects += 1
    run.state.bytes += size


KIND = Kind(EtlObjects, carry_out, "etl-objects", idles=True, prefix="etl-")
BUCKET_KIND = Kind(EtlBucket, carry_out, "etl-bucket", prefix="etl-")
