"""delete-listrange: delete the objects of a list, a template or a prefix.

In a bucket with versioning that adds delete markers, as any deletion does. What is not there is
passed over, and what is locked stays and is told as an error. It may be repeated: after a crash an
object that was written since the job was asked for is left alone, because the first attempt may
have deleted the one that was meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.jobs.work import Work, chosen_names, listed, names_objects
from storage.errors import ObjectNotFound, PreconditionFailed, StorageError
from storage.values import Condition, DeleteRequest, Deletion

# What one index transaction deletes: others wait meanwhile.
BATCH = 250
_NS = 1_000_000_000


async def run(work: Work) -> None:
    if names_objects(work.job):
        async for names in chosen_names(work, BATCH):
            await _delete(work, names, [0] * len(names))
        return
    async for infos in listed(work, BATCH):
        await _delete(work, [info.name for info in infos], [info.size for info in infos])


async def _delete(work: Work, names: Sequence[str], sizes: Sequence[int]) -> None:
    condition = Condition(if_match=("*",), if_unmodified_since=_newest_s(work))
    requests = [DeleteRequest(name, condition) for name in names]
    outcomes = await work.world.store.delete_objects(work.job.bucket, requests)
    done = []
    for request, outcome, size in zip(requests, outcomes, sizes, strict=True):
        if isinstance(outcome, Deletion):
            done.append((request, outcome))
            work.state.objects += 1
            work.state.bytes += size
        elif not _is_settled(outcome):
            work.state.add_problem(f"{request.name}: {type(outcome).__name__}")
    await work.world.announce(work.job, done)


def _newest_s(work: Work) -> int | None:
    return work.job.created_ns // _NS if work.is_resumed else None


def _is_settled(error: StorageError) -> bool:
    """Nothing was there, or something new is."""
    return isinstance(error, ObjectNotFound | PreconditionFailed)
