"""Copies by jobs that transformers make.

A copy has the metadata and tags of its source, but not its content headers: those describe other
bytes. A transformer that is just started again is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from cluster.jobs.job_run import CopyTask
from s3gw.etl.errors import NoSuchEtl, Unavailable
from s3gw.etl.talk.work import Piece, Work
from s3gw.etl.transforming import Transforming, discard
from s3gw.events.events import EventName
from s3gw.objects.aistore_names import bucket_names
from s3gw.objects.attributes import new_attributes
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import Payload
from s3gw.objects.context import Context
from s3gw.objects.encryption import no_customer_key
from s3gw.objects.service import ObjectService, WriteOptions
from storage.values import NO_ATTRIBUTES, Attributes, Body, ReadOptions

# Attempts with a transformer that is not ready, and seconds between them.
_ATTEMPTS = 60
_PAUSE_S = 0.5
T = TypeVar("T")


async def transform(objects: ObjectService, etl: Transforming | None, task: CopyTask) -> int:
    """Transform one object, and return the size of the result in bytes. Raises `EtlError`, what the
    store does, and the errors of `check`."""
    return await when_ready(partial(_attempt, objects, in_use(etl), task), task.check)


def in_use(etl: Transforming | None) -> Transforming:
    """Raise `NoSuchEtl` where transformers are turned off."""
    if etl is None:
        raise NoSuchEtl("etl job: transformers are turned off")
    return etl


async def when_ready(attempt: Callable[[], Awaitable[T]], check: Callable[[], None]) -> T:
    """Repeat what raises `Unavailable`, for half a minute; `check` is called between."""
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except Unavailable as error:
            last = error
            check()
            await asyncio.sleep(_PAUSE_S)
    raise last


async def _attempt(objects: ObjectService, etl: Transforming, task: CopyTask) -> int:
    source = NO_ATTRIBUTES
    unlock = objects.encryption.unlock(no_customer_key)
    options = ReadOptions(unlock=unlock, latest=task.latest, keeps=not task.latest)

    async def opened() -> Piece:
        nonlocal source
        reading = await objects.store.get_object(task.job.bucket, task.name, options)
        source = reading.info.attributes
        return Piece(reading.body, reading.info.size)

    names = bucket_names(task.job.bucket)
    work = Work(names.path(task.name), names.uname(task.name), opened, pullable=not task.latest)
    piece = await etl.transform(task.etls, work, "")
    try:
        if task.dry_run:
            return await _measure(piece, task.check)
        if source is NO_ATTRIBUTES:
            # It was pulled.
            source = (await objects.store.head_object(task.job.bucket, task.name)).info.attributes
        return await _write(objects, task, piece, source)
    finally:
        await discard(piece)


async def _write(objects: ObjectService, task: CopyTask, piece: Piece, source: Attributes) -> int:
    target = await objects.store.head_bucket(task.job.target)
    context = Context(task.job.requested_by)
    given = new_attributes(target, context.clock.now_ns())
    how = WriteOptions(
        attributes=replace(given, custom=source.custom, tags=source.tags),
        payload=Payload(keep=kept_in(target), announced=piece.size),
        size=piece.size,
        event=EventName.CREATED_COPY,
    )
    body = _checked(piece, task.check)
    return (await objects.write(context, target, task.new_name, body, how)).size


async def _measure(piece: Piece, check: Callable[[], None]) -> int:
    return sum([len(block) async for block in _checked(piece, check)])


async def _checked(piece: Piece, check: Callable[[], None]) -> Body:
    async for block in piece.blocks():
        check()
        yield block
