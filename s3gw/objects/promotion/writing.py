"""Promotion: one file becomes one object, whole or not at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

from msgspec import Struct

from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import Payload
from s3gw.objects.context import Context
from s3gw.objects.encryption import BUCKET_DEFAULT, EncryptionRequest
from s3gw.objects.promotion.files import NotPromoted, OpenFile, Source, open_file
from s3gw.objects.service import ObjectService, WriteOptions
from storage.errors import PreconditionFailed
from storage.values import ALWAYS, Attributes, BucketInfo, Condition

_BLOCK = 1 << 20
_NEW = Condition(if_none_match=("*",))


class Promotion(Struct, frozen=True):
    """`replaces` an object of that name; the file is removed if it `moves`. `check` is called
    between blocks, and raises to stop it."""

    source: Source
    attributes: Attributes
    encryption: EncryptionRequest = BUCKET_DEFAULT
    replaces: bool = False
    moves: bool = False
    check: Callable[[], None] = lambda: None


async def promote(
    objects: ObjectService, context: Context, bucket: BucketInfo, key: str, promotion: Promotion
) -> int | None:
    """Write the file as an object. Return its size in bytes, or None if an existing object is not
    to be replaced. The file is removed when the object is durable.

    Raise `NotPromoted`, and what `ObjectService.write` does.
    """
    with ExitStack() as opened:
        file = await asyncio.to_thread(opened.enter_context, open_file(promotion.source))
        size = file.facts.st_size
        options = WriteOptions(
            attributes=promotion.attributes,
            payload=Payload(keep=kept_in(bucket), announced=size),
            condition=ALWAYS if promotion.replaces else _NEW,
            size=size,
            encryption=promotion.encryption,
        )
        body = _blocks(file, promotion.check)
        try:
            await objects.write(context, bucket, key, body, options)
        except PreconditionFailed:
            return None
        if promotion.moves:
            await asyncio.to_thread(file.remove)
        return size


async def _blocks(file: OpenFile, check: Callable[[], None]) -> AsyncIterator[bytes]:
    """Yield as many bytes as the file had at first. Raise if it was written to meanwhile."""
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
