"""delete-listrange: delete the objects of a list, a template or a prefix.

In a bucket with versioning that adds delete markers, as any deletion does. A missing object is
skipped in a template, which may have holes, and is an error in a list; a locked one stays and is
reported as an error. Neither ends the job. The job may be repeated: after a crash an object that
was written since the job was requested is left alone, because the first attempt may have deleted
the one that was meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import JobRun, chosen_names, listed, missing
from cluster.jobs.kinds import Kind
from storage.errors import ObjectNotFound, PreconditionFailed, StorageError
from storage.values import Condition, DeleteRequest, Deletion

# What one index transaction deletes: others wait meanwhile.
BATCH = 250
_NS = 1_000_000_000


class DeleteObjects(SelectingJob, frozen=True, kw_only=True, tag="delete-listrange"):
    """The selected objects of the bucket."""


async def carry_out(run: JobRun[DeleteObjects]) -> None:
    if run.job.names_objects:
        async for names in chosen_names(run, BATCH):
            await _delete(run, names, [0] * len(names))
        return
    async for infos in listed(run, BATCH):
        await _delete(run, [info.name for info in infos], [info.size for info in infos])


async def _delete(run: JobRun[DeleteObjects], names: Sequence[str], sizes: Sequence[int]) -> None:
    condition = Condition(if_match=("*",), if_unmodified_since=_newest_s(run))
    requests = [DeleteRequest(name, condition) for name in names]
    outcomes = await run.context.delete(run.job, requests)
    for request, outcome, size in zip(requests, outcomes, sizes, strict=True):
        if isinstance(outcome, Deletion):
            run.state.objects += 1
            run.state.bytes += size
        elif _is_settled(outcome):
            # What an attempt before a crash may have deleted is not missing.
            if run.job.pieces and not run.is_resumed:
                run.state.add_problem(missing(run.job, request.name))
        else:
            run.state.add_problem(f"{request.name}: {type(outcome).__name__}")


def _newest_s(run: JobRun[DeleteObjects]) -> int | None:
    return run.job.created_ns // _NS if run.is_resumed else None


def _is_settled(error: StorageError) -> bool:
    """Whether the object was missing, or there is a newer one."""
    return isinstance(error, ObjectNotFound | PreconditionFailed)


KIND = Kind(DeleteObjects, carry_out, "delete-objects")
