"""index-shard: build the indexes of the archives in a bucket, all or those with a prefix, before
somebody reads their members.

Archives are known by their names; of those without an index, compressed tars, there is nothing to
build. An index is written down for all processes, but never that of an encrypted archive. What is
indexed already costs a look, so after a crash the job starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.jobs.work import Work, listed
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


async def run(work: Work) -> None:
    state = work.state
    state.objects = state.bytes = state.problems = 0
    state.after, state.errors = "", []
    gate = asyncio.Semaphore(work.job.workers)
    async for infos in listed(work, work.job.workers * _ROUND):
        await _index_all(work, [info for info in infos if _is_shard(info)], gate)


def _is_shard(info: ObjectInfo) -> bool:
    kind = format_of_name(info.name)
    return kind is not None and not kind.is_compressed_tar


async def _index_all(work: Work, infos: Sequence[ObjectInfo], gate: asyncio.Semaphore) -> None:
    """All of a batch, some at a time. Raises the first reason to stop, once all have."""
    each = (_index(work, info, gate) for info in infos)
    for outcome in await asyncio.gather(*each, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _index(work: Work, info: ObjectInfo, gate: asyncio.Semaphore) -> None:
    async with gate:
        work.check()
        if info.attributes.encryption is not None:
            work.state.add_problem(f"{info.name}: it is encrypted, so no index is written down")
            return
        world, options = work.world, ReadOptions(unlock=work.world.unlock)
        try:
            shard = await world.archives.open(world.store, work.job.bucket, info.name, options)
            await shard.index()
        except _SETTLED:
            return
        except _ENDS_ALL:
            raise
        except StorageError as error:
            work.state.add_problem(f"{info.name}: {error or type(error).__name__}")
            return
    work.state.objects += 1
    work.state.bytes += info.size
