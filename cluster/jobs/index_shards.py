"""index-shard: index a bucket's archives before the first read of their members.

The job takes all archives of the bucket, or those with a prefix. It knows them by their names;
compressed tars have no index, so there is nothing to build for them. An index is saved for all
processes, but never that of an encrypted archive. An archive with an index costs only a look, so
after a crash the job starts again.
"""

from __future__ import annotations

from functools import partial

from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import JobRun, listed_in, some_at_once
from cluster.jobs.kinds import Kind
from storage.archives import format_of_name
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
)
from storage.values import ObjectInfo, ReadOptions

MAX_WORKERS = 16
_ROUND = 4
_SETTLED = (ObjectChanged, ObjectNotFound)
_ENDS_ALL = (BucketNotFound, DeviceFailed)


class IndexShards(SelectingJob, frozen=True, kw_only=True, tag="index-shard"):
    """The archives of the bucket, all or those with the prefix."""

    workers: int = 2


async def carry_out(run: JobRun[IndexShards]) -> None:
    state = run.state
    state.objects = state.bytes = state.problems = 0
    state.after, state.errors = "", []
    # An archive that is not here has no index here: looking into it would fetch it.
    size = run.job.workers * _ROUND
    async for infos in listed_in(run, run.job.bucket, size, run.context.here):
        shards = [info for info in infos if _is_shard(info)]
        await some_at_once(run, shards, partial(_index, run))


def _is_shard(info: ObjectInfo) -> bool:
    kind = format_of_name(info.name)
    return kind is not None and not kind.is_compressed_tar


async def _index(run: JobRun[IndexShards], info: ObjectInfo) -> None:
    if info.attributes.encryption is not None:
        run.state.add_problem(f"{info.name}: it is encrypted, so no index is written down")
        return
    context, options = run.context, ReadOptions(unlock=run.context.unlock)
    try:
        shard = await context.archives.open(context.store, run.job.bucket, info.name, options)
        await shard.index()
    except _SETTLED:
        return
    except _ENDS_ALL:
        raise
    except StorageError as error:
        run.state.add_problem(f"{info.name}: {error or type(error).__name__}")
        return
    run.state.objects += 1
    run.state.bytes += info.size


KIND = Kind(IndexShards, carry_out, "shard-index")
