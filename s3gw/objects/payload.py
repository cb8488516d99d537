"""What every upload of bytes has in common, whole objects and parts alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

from s3gw.http.request import Call
from s3gw.objects.checksums import MAX_PAYLOAD, Algorithm, PayloadDigest, Promises, read_promises
from s3gw.wire.errors import Code, S3Error
from storage.values import Reading


def payload_digest(
    call: Call, keep: Algorithm | None = None, promises: Promises | None = None
) -> PayloadDigest:
    """The digest for the call's body; raises when the length is unknown or too large. `promises`
    are those that the headers make, unless they are given."""
    if call.decoded_length is None and "transfer-encoding" not in call.headers:
        raise S3Error(Code.MissingContentLength)
    if call.decoded_length is not None and call.decoded_length > MAX_PAYLOAD:
        raise S3Error(
            Code.EntityTooLarge,
            ProposedSize=str(call.decoded_length),
            MaxSizeAllowed=str(MAX_PAYLOAD),
        )
    promised = promises or read_promises(call)
    return PayloadDigest(promised, call.trailers, keep, call.decoded_length)


async def body_of(reading: Reading) -> AsyncIterator[bytes]:
    """An open object's bytes as the body of another one."""
    if isinstance(reading.body, bytes):
        if reading.body:
            yield reading.body
        return
    try:
        async for chunk in reading.body:
            yield chunk
    finally:
        await reading.body.aclose()
