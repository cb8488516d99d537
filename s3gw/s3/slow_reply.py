"""Slow replies: 200 at once, white space during the work, the result.

Copying many gibibytes takes longer than clients wait, 60 s without a byte in botocore. So S3
answers 200 before it knows, and SDKs look for an `<Error>` in the body of copies; white space
between the XML declaration and the root element is not part of the document.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from s3gw.http.reply import XML, Reply
from s3gw.http.request import AuthenticatedRequest
from s3gw.s3.error_document import error_document
from s3gw.wire.errors import Code, as_s3_error
from s3gw.wire.xmldoc import DECLARATION, to_xml

# Copying this much takes a second or so; smaller copies get their true status.
SLOW_BYTES = 64 << 20
INTERVAL_S = 5.0
NO_HEADERS: Mapping[str, str] = {}

log = logging.getLogger(__name__)


def slow_reply(
    call: AuthenticatedRequest,
    work: Callable[[], Awaitable[Any]],
    headers: Mapping[str, str] = NO_HEADERS,
) -> Reply:
    """Return a reply whose body is the document that `work` returns, or S3's XML for its error."""
    body = slow_body(call, work, INTERVAL_S)
    return Reply(200, {"Content-Type": XML, **headers}, body)


async def slow_body(
    call: AuthenticatedRequest, work: Callable[[], Awaitable[Any]], interval_s: float
) -> AsyncGenerator[bytes, None]:
    """Yield the body. Cancel the work when the client stops reading; its uncommitted writes are
    then dropped."""
    task = asyncio.ensure_future(work())
    try:
        yield DECLARATION.encode()
        while not (await asyncio.wait({task}, timeout=interval_s))[0]:
            yield b" "
        yield _outcome(call, task).removeprefix(DECLARATION.encode())
    finally:
        task.cancel()
        await asyncio.wait({task})


def _outcome(call: AuthenticatedRequest, task: asyncio.Future[Any]) -> bytes:
    error = task.exception()
    if error is None:
        return to_xml(task.result())
    refusal = as_s3_error(error)
    if refusal.code is Code.InternalError:
        fields = {"request_id": call.request_id, "operation": call.operation}
        log.error("request failed", exc_info=error, extra=fields)
    return error_document(refusal, call.request_id)
