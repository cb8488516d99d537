"""copy-listrange and copy-bck: copy the objects of a list, a template or a prefix.

A copy has the bytes, content headers, metadata and tags of its source, replaces what has its name,
and is told as S3's copies are. Repeating one makes the same again, so after a crash the job goes on
a few objects before the last one. What is not there ends no job: it is told as an error where it
was named in a list, and belongs to a template as holes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.jobs.work import (
    Copying,
    NotCopied,
    Work,
    chosen_names,
    listed,
    names_objects,
)
from storage.errors import ObjectNotFound
from storage.values import ObjectInfo

MAX_WORKERS = 16
_ROUND = 4


async def run(work: Work) -> None:
    size = work.job.workers * _ROUND
    if names_objects(work.job):
        async for names in chosen_names(work, size):
            await _copy_all(work, names)
        return
    async for infos in listed(work, size):
        if work.job.dry_run:
            _count(work, infos)
        else:
            await _copy_all(work, [info.name for info in infos])


def _count(work: Work, infos: Sequence[ObjectInfo]) -> None:
    work.state.objects += len(infos)
    work.state.bytes += sum(info.size for info in infos)


async def _copy_all(work: Work, names: Sequence[str]) -> None:
    """All of a batch, some at a time. Raises the first reason to stop, once all have."""
    gate = asyncio.Semaphore(work.job.workers)
    each = (_copy_one(work, name, gate) for name in names)
    for outcome in await asyncio.gather(*each, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _copy_one(work: Work, name: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        work.check()
        try:
            size = await _dry(work, name) if work.job.dry_run else await _copy(work, name)
        except NotCopied as error:
            _note(work, name, error)
            return
    work.state.objects += 1
    work.state.bytes += size


async def _copy(work: Work, name: str) -> int:
    copying = Copying(work.job, name, work.job.prepend + name, work.check)
    return await work.world.copy(copying)


async def _dry(work: Work, name: str) -> int:
    try:
        return (await work.world.store.head_object(work.job.bucket, name)).info.size
    except ObjectNotFound:
        raise NotCopied("does not exist", is_missing=True) from None


def _note(work: Work, name: str, error: NotCopied) -> None:
    """Raises `JobFailed` for what ends the job."""
    text = f"{name}: {error}"
    if not error.is_missing:
        work.problem(text)
    elif work.job.pieces:
        work.state.add_problem(text)
