"""`x-amz-copy-source`: the object that a copy reads, and the conditions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from s3gw.access import authorize_source, hide_missing
from s3gw.objects.checksums import MAX_PAYLOAD
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import SOURCE_CUSTOMER, checked, customer_key
from s3gw.s3.headers import named_version, read_condition
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.errors import (
    DeleteMarkerFound,
    NotModified,
    ObjectNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from storage.ranges import Want
from storage.values import Reading, ReadOptions

HEADER = "x-amz-copy-source"
# No bucket has such a name.
_SCHEMES = ("http://", "https://")


class CopySource(Struct, frozen=True):
    """`version` None is the current one."""

    bucket: str
    key: str
    version: str | None = None


def read_copy_source(text: str) -> CopySource:
    """Parse `[/]bucket/key[?versionId=ID]`, URL-encoded, or a URL with that path. Raise
    `InvalidArgument`."""
    if text.startswith(_SCHEMES):
        text = text.partition("://")[2].partition("/")[2]
    path, has_version, version = text.partition("?versionId=")
    bucket, key = read_source_path(path, HEADER)
    return CopySource(bucket, key, named_version(version if has_version else None))


def read_source_path(text: str, header: str) -> tuple[str, str]:
    """Parse `[/]bucket/key` of the named header, URL-encoded, a space perhaps as `+`.

    Raise `InvalidArgument`.
    """
    try:
        decoded = unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode()
    except UnicodeDecodeError:
        decoded = ""
    bucket, _, key = decoded.removeprefix("/").partition("/")
    if not bucket or not key:
        # AWS repeats the header's name where the value should be.
        message = "Invalid copy source object key"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=header, ArgumentValue=header)
    return bucket, key


@asynccontextmanager
async def open_source(
    call: Call, source: CopySource, want: Want | None = None
) -> AsyncIterator[Reading]:
    """Open the source for reading, if the caller may read it and its conditions hold."""
    await authorize_source(call, source.bucket, source.key, source.version)
    condition = read_condition(call.headers, f"{HEADER}-")
    try:
        unlock = call.objects.encryption.unlock(customer_key(call, SOURCE_CUSTOMER))
        options = ReadOptions(want, condition, source.version, unlock)
        reading = await call.store.get_object(source.bucket, source.key, options)
        await checked(call, reading, SOURCE_CUSTOMER)
    except (ObjectNotFound, VersionNotFound) as error:
        await hide_missing(call, source.bucket, source.key)
        if isinstance(error, DeleteMarkerFound) and error.named:
            message = "The source of a copy request may not specifically refer to a delete marker"
            raise S3Error(Code.InvalidRequest, message) from None
        raise as_s3_error(error) from error
    except (NotModified, PreconditionFailed) as error:
        condition_name = f"{HEADER}-{error.condition}"
        raise S3Error(Code.PreconditionFailed, Condition=condition_name) from None
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
