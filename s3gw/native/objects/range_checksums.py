"""Checksums of ranges: AIStore's property `checksum.enable_read_range`.

The header comes before the bytes. A range of up to `KEPT_BYTES` is read once and kept until its
checksum is known; a longer one is read twice: for its checksum, and for the client. If the object
is replaced between the two, it begins again with the new one.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from msgspec.structs import replace

from s3gw.config.bucket_properties import NO_CHECKSUM, properties_of
from s3gw.native.call import NativeCall
from s3gw.native.objects.checksums import AisChecksum
from s3gw.objects.bucket_checksums import kept_in
from storage.errors import PreconditionFailed
from storage.pacing import off_loop
from storage.values import BucketInfo, Condition, Reading, ReadOptions

# What one request may keep of a range.
KEPT_BYTES = 4 << 20
_ATTEMPTS = 8


def has_own_checksums(bucket: BucketInfo) -> bool:
    """Whether a range of the bucket's objects is answered with its own checksum."""
    kept = properties_of(bucket)
    return kept.ranges and kept.checksum != NO_CHECKSUM


async def with_checksum(
    call: NativeCall, options: ReadOptions, reading: Reading
) -> tuple[Reading, AisChecksum]:
    """Return the reading of the range, opened again if it is a stream, and its checksum."""
    if len(reading.span) <= KEPT_BYTES:
        reading = await _kept(reading)
    for _ in range(_ATTEMPTS):
        checksum = await _checksum(call, reading)
        if isinstance(reading.body, bytes):
            return reading, checksum
        same = Condition(if_match=(reading.info.etag,))
        again = replace(options, condition=same, before_stream=None)
        try:
            return await call.store.get_object(call.bucket, call.key, again), checksum
        except PreconditionFailed:
            again = replace(options, before_stream=None)
            reading = await call.store.get_object(call.bucket, call.key, again)
    if not isinstance(reading.body, bytes):
        await reading.body.aclose()
    raise PreconditionFailed(call.key)


async def _kept(reading: Reading) -> Reading:
    """Return the reading with its bytes in memory."""
    body = reading.body
    if isinstance(body, bytes):
        return reading
    async with aclosing(body):
        return replace(reading, body=b"".join([piece async for piece in body]))


async def _checksum(call: NativeCall, reading: Reading) -> AisChecksum:
    digest = kept_in(call.bucket_info).new()
    body = reading.body
    if isinstance(body, bytes):
        await off_loop(len(body), digest.update, body)
    else:
        try:
            async for piece in body:
                await asyncio.to_thread(digest.update, piece)
        finally:
            await body.aclose()
    return AisChecksum(properties_of(call.bucket_info).checksum, digest.digest().hex())
