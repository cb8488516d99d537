"""`x-amz-copy-source`: which object a copy reads, and on what conditions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from s3gw.access import authorize_source
from s3gw.checksums import MAX_PAYLOAD
from s3gw.errors import Code, S3Error
from s3gw.headers import read_condition
from s3gw.message import Call
from s3gw.versions import check_version
from storage.errors import NotModified
from storage.values import Reading, Want

HEADER = "x-amz-copy-source"


@dataclass(frozen=True, slots=True)
class CopySource:
    bucket: str
    key: str


def read_copy_source(text: str) -> CopySource:
    """`[/]bucket/key[?versionId=null]`, URL-encoded, a space perhaps as `+`.

    Raises `InvalidArgument`.
    """
    path, _, query = text.partition("?versionId=")
    check_version(query or None)
    try:
        decoded = unquote_to_bytes(path.replace("+", " ").encode("latin-1")).decode()
    except UnicodeDecodeError:
        decoded = ""
    bucket, _, key = decoded.removeprefix("/").partition("/")
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=HEADER, ArgumentValue=text)
    return CopySource(bucket, key)


@asynccontextmanager
async def open_source(
    call: Call, source: CopySource, want: Want | None = None
) -> AsyncIterator[Reading]:
    """The source, open for reading, when the caller may read it and its conditions hold."""
    await authorize_source(call, source.bucket)
    condition = read_condition(call.headers, f"{HEADER}-")
    try:
        reading = await call.store.get_object(
            source.bucket, source.key, want=want, condition=condition
        )
    except NotModified:
        raise S3Error(Code.PreconditionFailed, Condition=f"{HEADER}-If-None-Match") from None
    try:
        _check_size(reading)
        yield reading
    finally:
        if not isinstance(reading.body, bytes):
            await reading.body.aclose()


def _check_size(reading: Reading) -> None:
    if reading.span.stop - reading.span.start > MAX_PAYLOAD:
        message = (
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {MAX_PAYLOAD}"
        )
        raise S3Error(Code.InvalidRequest, message)
