"""The base of both front ends: counting, timing, answering, observing.

The observer gets every request, failed ones too.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.etl.errors import EtlError
from s3gw.http.leaving import ClientLeft
from s3gw.http.memory_room import Holding, TooBusy
from s3gw.http.output import stream_memory
from s3gw.http.reply import Reply, write_reply
from s3gw.http.request import origin_form
from s3gw.http.request_body import RequestBody
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.observer import Observer
from s3gw.telemetry.request_id import REQUEST_ID, new_request_id
from s3gw.wire.errors import Code, as_s3_error
from storage.errors import StorageError
from storage.values import Stream

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

_WITH_BODY = ("PUT", "POST")
# The answer to a client that left before there was one; never sent.
_LEFT = Reply(499)
MANY_STREAMS = "Please reduce your request rate: too many answers are being sent at once."


class FrontEnd(ABC):
    """An ASGI application that answers with what `reply` returns.

    `request_id_header` names the header that carries the request's id.
    """

    request_id_header = "x-amz-request-id"

    def __init__(self, observer: Observer, limits: Limits = DEFAULT_LIMITS) -> None:
        self._observer = observer
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.begin(scope, origin_form(scope["raw_path"]), new_request_id())
        REQUEST_ID.set(exchange.request_id)
        started = time.perf_counter()
        received = RequestBody(receive, scope["headers"], self._limits)
        reply = _LEFT
        memory: Holding | None = None
        try:
            reply = await self.reply(scope, received, exchange)
            exchange.turnaround_s = time.perf_counter() - received.ended_s
            reply.headers[self.request_id_header] = exchange.request_id
            if await _leaves_body(reply, scope["method"], received):
                reply.headers["Connection"] = "close"
            memory = reply.memory
            if memory is None and not isinstance(reply.body, bytes):
                memory = await _memory_of(reply.body, received, exchange.remote)
            await write_reply(reply, scope["method"], received, send)
        except TooBusy:
            reply = self.busy(exchange)
            exchange.error_code = Code.SlowDown.name
            reply.headers[self.request_id_header] = exchange.request_id
            await write_reply(reply, scope["method"], received, send)
        except ClientLeft:
            # An answer would reach no client; the log has its status.
            pass
        except StorageError as error:
            # The head is already sent, so the client notices the failure by the length: the server
            # closes the connection after an answer that is too short.
            exchange.error_code = as_s3_error(error).code.name
            log_failure(error, exchange)
        except EtlError as error:
            # As above; it is the transformer's failure, and needs no stack.
            exchange.error_code = Code.TransformationFailed.name
            fields = {"request_id": exchange.request_id, "operation": exchange.operation}
            log.warning("a transformation failed: %s", error.message, extra=fields)
        finally:
            if memory is not None:
                memory.close()
            exchange.status = reply.status
            exchange.answer = reply.headers
            exchange.bytes_in = received.count
            exchange.bytes_out = reply.sent
            exchange.seconds = time.perf_counter() - started
            self._observer.record(exchange)
            REQUEST_ID.set("")

    def busy(self, _: Exchange) -> Reply:
        """Return the answer in place of a stream for which there is no memory."""
        return Reply(503, {"Retry-After": "1"})

    @property
    def observer(self) -> Observer:
        return self._observer

    @property
    def limits(self) -> Limits:
        return self._limits

    @abstractmethod
    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """Return the answer to one request; raise nothing but `TooBusy`."""


async def _memory_of(body: Stream, received: RequestBody, client: str) -> Holding:
    """Return the memory of a stream; close the stream if it gets none, or its client leaves."""
    try:
        return await stream_memory(received, client)
    except BaseException:
        await body.aclose()
        raise


async def _leaves_body(reply: Reply, method: str, received: RequestBody) -> bool:
    """Whether a refusal leaves an unread body; one that closes the connection may do so."""
    if reply.status < 400 or method not in _WITH_BODY or "Connection" in reply.headers:
        return False
    return not await received.drained()


def log_failure(error: Exception, exchange: Exchange) -> None:
    fields = {"request_id": exchange.request_id, "operation": exchange.operation}
    log.error("request failed", exc_info=error, extra=fields)
