"""Cross-origin requests: preflights, and the headers of all other answers.

Neither needs an authenticated caller. A browser sends preflights without credentials, and it shows
a page why a request failed only if the failure, too, allows the page to see it.
"""

from __future__ import annotations

from s3gw.http.reply import Reply
from s3gw.http.request import NO_BUCKET, Request
from s3gw.s3.cors import (
    METHODS,
    Ask,
    CORSConfiguration,
    CorsSetting,
    allowing_headers,
    find_rule,
    requested_headers,
)
from s3gw.wire.errors import Code, S3Error
from storage.backend import Backend
from storage.errors import BucketNotFound, StorageError
from storage.settings import setting
from storage.values import BucketInfo

PREFLIGHT = "OPTIONS"
_METHOD = "access-control-request-method"
_NO_ORIGIN = "Insufficient information. Origin request header needed."
_NO_BUCKET = "CORSResponse: Bucket not found"
_NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec."
)


async def preflight(call: Request, store: Backend) -> Reply:
    """Answer whether the request that a browser announces is allowed. Raise `BadRequest`,
    `AccessForbidden`."""
    if not call.headers.get("origin"):
        raise S3Error(Code.BadRequest, _NO_ORIGIN)
    configuration = await _configuration(call, store)
    method = call.headers.get(_METHOD)
    if method not in METHODS:
        message = f"Invalid Access-Control-Request-Method: {method or 'null'}"
        raise S3Error(Code.BadRequest, message)
    ask = _ask(call)
    rule = find_rule(configuration, ask)
    if rule is None:
        raise _forbidden(call, _NOT_ALLOWED, call.level.name)
    return Reply(headers=allowing_headers(rule, ask))


async def _configuration(call: Request, store: Backend) -> CORSConfiguration:
    try:
        found = setting(await store.head_bucket(call.bucket), CorsSetting)
    except BucketNotFound:
        raise _forbidden(call, _NO_BUCKET, "BUCKET") from None
    if found is None:
        raise _forbidden(call, _NOT_ENABLED, "BUCKET")
    return found.configuration


def _forbidden(call: Request, message: str, resource_type: str) -> S3Error:
    method = call.headers.get(_METHOD, PREFLIGHT)
    return S3Error(Code.AccessForbidden, message, Method=method, ResourceType=resource_type)


async def cross_origin_headers(call: Request, store: Backend, bucket: BucketInfo) -> dict[str, str]:
    """Return the headers for the Origin of the request; empty unless a rule matches."""
    if call.method == PREFLIGHT or not call.bucket:
        return {}
    try:
        if bucket is NO_BUCKET:
            # The request failed before it was authorized, or has no bucket.
            bucket = await store.head_bucket(call.bucket)
        found = setting(bucket, CorsSetting)
    except StorageError:
        # The answer is complete; it does not fail because its bucket is gone or cannot be read.
        return {}
    if found is None:
        return {}
    ask = _ask(call)
    rule = find_rule(found.configuration, ask)
    return allowing_headers(rule, ask) if rule else {}


def _ask(call: Request) -> Ask:
    """Read the announced request. As AWS, believe it when a request announces another one, too."""
    headers = call.headers
    return Ask(
        headers["origin"],
        headers.get(_METHOD, call.method),
        requested_headers(headers.get("access-control-request-headers")),
    )
