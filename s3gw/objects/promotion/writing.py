"""One file becomes one object, whole or not at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from s3gw.events.events import EventName, ObjectEvent, created
from s3gw.http.request import Call
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import PayloadDigest, Promises
from s3gw.objects.chunk_sizes import chunking_of
from s3gw.objects.promotion.files import NotPromoted, OpenFile, Source, open_file
from s3gw.objects.sealing import sealing_for
from s3gw.s3.headers import read_attributes
from storage.errors import PreconditionFailed
from storage.values import ALWAYS, Condition, PutOptions

_BLOCK = 1 << 20
_NEW = Condition(if_none_match=("*",))


@dataclass(frozen=True, slots=True)
class Promotion:
    """`replaces` what has the object's name; the file is removed when it `moves`. `tell` is told of
    the object; `check` is called between its bytes, and raises when it is to stop."""

    source: Source
    tell: Callable[[ObjectEvent], Awaitable[None]]
    replaces: bool = False
    moves: bool = False
    check: Callable[[], None] = lambda: None


async def promote(call: Call, promotion: Promotion) -> int | None:
    """Make the file the call's object: its size in bytes, or None when there is an object already
    and it is not to be replaced. The file is removed when the object is there to stay.

    Raises `NotPromoted`, and what `Backend.put_object` does.
    """
    with ExitStack() as opened:
        file = await asyncio.to_thread(opened.enter_context, open_file(promotion.source))
        sealing = await sealing_for(call)
        size = file.facts.st_size
        options = PutOptions(
            digest=sealing.digest(PayloadDigest(Promises(), {}, kept_in(call.bucket_facts), size)),
            attributes=sealing.mark(read_attributes(call)),
            condition=ALWAYS if promotion.replaces else _NEW,
            size=size,
            data_key=sealing.data_key,
            chunks=chunking_of(call.bucket_facts),
        )
        body = _blocks(file, promotion.check)
        try:
            info = await call.store.put_object(call.bucket, call.key, body, options)
        except PreconditionFailed:
            return None
        await promotion.tell(created(EventName.CREATED_PUT, info))
        if promotion.moves:
            await asyncio.to_thread(file.remove)
        return size


async def _blocks(file: OpenFile, check: Callable[[], None]) -> AsyncIterator[bytes]:
    """As many bytes as the file had at first. Raises when it was written to meanwhile."""
    at = 0
    while at < file.facts.st_size:
        check()
        block = await asyncio.to_thread(_read, file, at)
        if not block:
            break
        at += len(block)
        yield block
    if file.is_changed():
        raise NotPromoted("was changed while it was read")


def _read(file: OpenFile, at: int) -> bytes:
    try:
        return os.pread(file.fd, min(_BLOCK, file.facts.st_size - at), at)
    except OSError as error:
        raise NotPromoted(f"cannot be read: {error.strerror}") from None
