"""One client's connection: bytes in, requests to the application, answers out."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools
from msgspec import Struct

from s3gw.http.output import STREAMS
from s3gw.server.http1.incoming_body import IncomingBody
from s3gw.server.http1.outgoing_answer import OutgoingAnswer
from s3gw.server.http1.request_head import (
    BAD_REQUEST,
    FAILED,
    TOO_LONG,
    TOO_SLOW,
    Refusal,
    RequestHead,
)
from s3gw.server.http1.sweep import BLOCK_BYTES, Sweep
from s3gw.server.parser_refusals import parser_refusal

if TYPE_CHECKING:
    from starlette.types import Scope
    from uvicorn.config import Config
    from uvicorn.server import ServerState

log = logging.getLogger(__name__)

# A longer rest of a body is received into blocks.
_PARSED_BYTES = 64 << 10
# Reading stops when so much of a body in chunks waits, and goes on when a quarter of it does.
_HIGH_BYTES = 256 << 10
# As long as a client may go on with a request that was answered already.
_LINGER_S = 2.0
# With more connections that do not read their answers, those are let go that have not for so long.
_MOST_UNREAD = 256
_CROWDED_S = 5.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Request(Struct):
    scope: Scope
    body: IncomingBody
    answer: OutgoingAnswer


class _Refused(Exception):
    """Ends parsing."""


class Connection(asyncio.BufferedProtocol):
    """uvicorn makes one for each client, and calls `shutdown` before it stops."""

    def __init__(
        self,
        *,
        sweep: Sweep,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._sweep = sweep
        self._state = server_state
        self._app = config.loaded_app
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._client: tuple[str, int] | None = None
        self._scheme = "http"
        self._parser = httptools.HttpRequestParser(self)
        # The head that is being parsed, or was.
        self._in_head = False
        self._head = RequestHead()
        # Bytes received since the last one of a body, or of a head, in parsed data.
        self._beside_body = 0
        # The request whose body is being received, those that wait, and the one being answered.
        self._receiving: _Request | None = None
        self._waiting: deque[_Request] = deque()
        self._answering: _Request | None = None
        self._last: _Request | None = None
        self._refusal: Refusal | None = None
        # What is missing of a body with a length, and the block that it is received into.
        self._left: int | None = None
        self._block: bytearray | None = None
        self._filled = 0
        # When the connection became idle, or began with a head, or to linger.
        self._since = sweep.now
        self._deaf = False
        self._paused = False
        self._discards = False
        self._lingers = False
        self._stopping = False
        self._lost = False
        self._unread_since: float | None = None
        self._drained: asyncio.Future[None] | None = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        if not self._sweep.add(self):
            transport.abort()
            return
        self._state.connections.add(self)  # type: ignore[arg-type]
        self._since = self._sweep.now
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._client = (str(peer[0]), int(peer[1]))
        if transport.get_extra_info("sslcontext") is not None:
            self._scheme = "https"

    def connection_lost(self, _: Exception | None) -> None:
        self._lost = True
        self._sweep.remove(self)
        self._state.connections.discard(self)
        for request in (self._receiving, self._answering):
            if request is not None:
                request.body.lose()
        self._waiting.clear()
        self._leave_block()
        self.resume_writing()
        # It refers to this connection.
        self._parser = None  # type: ignore[assignment]

    def get_buffer(self, _: int) -> bytearray | memoryview:
        if self._block is None:
            return self._sweep.received
        assert self._left is not None
        end = min(self._filled + self._left, BLOCK_BYTES)
        return memoryview(self._block)[self._filled : end]

    def buffer_updated(self, count: int) -> None:
        if self._block is not None:
            self._fill(count)
        elif self._lingers:
            self._beside_body += count
            if self._refusal is not None and self._beside_body > 2 * self._sweep.bounds.head_bytes:
                # A head without an end.
                self._transport.abort()
        elif not (self._deaf or self._transport.is_closing()):
            self._parse(memoryview(self._sweep.received)[:count])

    def pause_writing(self) -> None:
        self._unread_since = self._sweep.now
        self._sweep.unread += 1

    def resume_writing(self) -> None:
        if self._unread_since is not None:
            self._unread_since = None
            self._sweep.unread -= 1
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the sweep and uvicorn call

    def look(self, now: float) -> None:
        """Let go a client that is too slow."""
        over, bounds = self._sweep.is_over, self._sweep.bounds
        if self._unread_since is not None and self._is_unread_too_long(self._unread_since):
            self._transport.abort()
        elif self._lingers:
            if over(self._since, _LINGER_S):
                self._transport.abort()
        elif self._discards:
            if over(self._since, _LINGER_S):
                self._close()
        elif self._in_head:
            if over(self._since, bounds.head_s):
                self._refuse(TOO_SLOW)
        elif self._answering is None:
            if over(self._since, bounds.idle_s):
                self._transport.close()
        elif self._filled and self._receiving is not None and self._receiving.body.is_awaited:
            self._cut_block(self._receiving.body)

    def shutdown(self) -> None:
        self._stopping = True
        if self._answering is None and not self._lingers:
            self._transport.close()

    def _is_unread_too_long(self, since: float) -> bool:
        sweep = self._sweep
        crowded = sweep.unread > _MOST_UNREAD or STREAMS.is_crowded
        limit_s = min(_CROWDED_S, sweep.bounds.unread_s) if crowded else sweep.bounds.unread_s
        return sweep.is_over(since, limit_s)

    # Reading

    def _parse(self, data: memoryview) -> None:
        was_in_head = self._in_head
        self._beside_body += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: the request is answered, and nothing follows it.
            self._end_here()
        except httptools.HttpParserError:
            self._break()
        else:
            self._bound(len(data), was_in_head)
        self._continue()

    def _bound(self, received: int, was_in_head: bool) -> None:
        most = self._sweep.bounds.head_bytes
        if self._in_head:
            # The piece in which a head begins may start with the end of a body: it is not counted.
            if was_in_head:
                self._head.received += received
            if self._head.received > most:
                self._refuse(TOO_LONG)
        elif self._receiving is not None and self._beside_body > most:
            # Trailers, or extensions of chunks, without an end.
            self._break()

    def _continue(self) -> None:
        """Go on after what was parsed."""
        if self._lost or self._transport.is_closing():
            return
        receiving = self._receiving
        if receiving is not None and self._left is not None and self._left > _PARSED_BYTES:
            self._enter_block(receiving.body)
        is_next = self._answering is None and not self._discards
        if is_next and (self._waiting or self._deaf):
            self._next()
        if self._waiting or self._deaf or (receiving and receiving.body.size > _HIGH_BYTES):
            self._pause()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._since = self._sweep.now
        self._head = RequestHead()

    def on_url(self, url: bytes) -> None:
        self._head.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # The trailers of a body in chunks are not headers: what they say is not signed, and a proxy
        # has not looked at it (RFC 9110, 6.5.1).
        if self._in_head:
            self._head.add(name, value)

    def on_headers_complete(self) -> None:
        parser, head = self._parser, self._head
        self._in_head = False
        self._beside_body = 0
        version = parser.get_http_version()
        self._refusal = head.refusal(version, self._sweep.bounds.head_bytes)
        if self._refusal is not None:
            raise _Refused
        method = parser.get_method().decode("ascii")
        path, _, query = head.target.partition(b"?")
        is_old = version == "1.0"
        scope = {
            "type": "http",
            "http_version": version,
            "method": method,
            "scheme": self._scheme,
            "raw_path": path,
            "query_string": query,
            "headers": head.headers,
            "client": self._client,
        }
        keep_alive = not is_old and parser.should_keep_alive()
        answer = OutgoingAnswer(self, method=method, old=is_old, keep_alive=keep_alive)
        body = IncomingBody(self)
        body.expected = head.expects_continue and head.has_body and not is_old
        self._left = head.length
        self._receiving = self._last = _Request(scope, body, answer)
        self._waiting.append(self._receiving)

    def on_body(self, piece: bytes) -> None:
        self._beside_body = 0
        if self._left is not None:
            self._left -= len(piece)
        if self._receiving is not None and not self._discards:
            self._receiving.body.expected = False
            self._receiving.body.add(piece)

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.body.end()
        self._receiving = None
        self._left = None
        if self._discards:
            self._discards = False
            self._since = self._sweep.now

    # Blocks of large bodies

    def _enter_block(self, body: IncomingBody) -> None:
        self._block = self._sweep.new_block()
        first = body.take_all()
        self._filled = len(first)
        self._block[: self._filled] = first

    def _fill(self, count: int) -> None:
        receiving = self._receiving
        assert self._left is not None
        self._left -= count
        self._filled += count
        if receiving is None or self._discards:
            self._filled = 0
        else:
            receiving.body.expected = False
            if self._left == 0 or self._filled == BLOCK_BYTES:
                was_awaited = receiving.body.is_awaited
                self._cut_block(receiving.body)
                if not was_awaited:
                    self._pause()
        if self._left == 0:
            self._leave_block()
            # The old one still waits for the body.
            self._parser = httptools.HttpRequestParser(self)
            self.on_message_complete()
            self._resume()
            if self._answering is None:
                self._next()

    def _cut_block(self, body: IncomingBody) -> None:
        assert self._block is not None
        filled, self._filled = self._filled, 0
        with memoryview(self._block) as view:
            body.add(bytes(view[:filled]))

    def _leave_block(self) -> None:
        if self._block is not None:
            self._sweep.free_block(self._block)
            self._block, self._filled = None, 0

    # Answering

    def _next(self) -> None:
        """Answer the next request, or the last one that is not a request."""
        if self._waiting:
            request = self._answering = self._waiting.popleft()
            task = self._loop.create_task(self._answer(request))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)
        elif self._refusal is not None:
            self._write_refusal(self._refusal)
        elif self._deaf or self._stopping:
            self._close()
        elif not self._in_head:
            self._since = self._sweep.now

    async def _answer(self, request: _Request) -> None:
        try:
            await self._app(request.scope, request.body, request.answer)
        except Exception as error:
            log.error("a request ended with an error", exc_info=error)
        finally:
            self._finish(request)

    def _finish(self, request: _Request) -> None:
        self._answering = None
        self._state.total_requests += 1
        if self._lost or self._lingers:
            return
        answer, body = request.answer, request.body
        if not answer.ended:
            if not (answer.started or self._stopping):
                self._write_refusal(FAILED)
            else:
                self._close()
        elif not answer.keep_alive or self._stopping:
            self._close()
        elif self._receiving is request:
            body.discard()
            self._discards, self._since = True, self._sweep.now
            self._resume()
        else:
            self._next()
            self._resume()

    def _refuse(self, refusal: Refusal) -> None:
        """Refuse a head, after the answers to the requests before it."""
        self._in_head = False
        self._deaf = True
        if self._last is None or self._last.answer.keep_alive:
            self._refusal = self._refusal or refusal
        if self._answering is None:
            self._next()

    def _break(self) -> None:
        """Stop reading what cannot be parsed."""
        broken = self._receiving
        if broken is None:
            self._refuse(BAD_REQUEST)
            return
        self._end_here()
        if self._discards:
            self._close()

    def _end_here(self) -> None:
        """Answer the last request, and read nothing after it."""
        self._deaf = True
        if self._last is not None:
            self._last.answer.keep_alive = False
        if self._receiving is not None:
            self._receiving.body.lose()

    def _write_refusal(self, refusal: Refusal) -> None:
        status = refusal.status
        headers, body = parser_refusal(status, refusal.problem)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        self.write(b"\r\n".join([*lines, b"", body]))
        self._close(lingers=True)

    def _close(self, *, lingers: bool = False) -> None:
        if self._lost or self._lingers or self._transport.is_closing():
            return
        self._leave_block()
        if not (lingers or self._receiving is not None or self._paused):
            self._transport.close()
            return
        self._lingers, self._since = True, self._sweep.now
        # They are not answered, and what follows them is read and dropped.
        self._waiting.clear()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deaf = False
        self._resume()

    # What bodies and answers call

    def write(self, block: bytes) -> None:
        if not (self._lost or self._lingers):
            self._transport.write(block)

    async def drained(self) -> None:
        if self._unread_since is not None and not self._lost:
            self._drained = self._loop.create_future()
            await self._drained

    def may_go_on(self) -> bool:
        """Whether the rest of the body, if there is one, is short enough to wait for."""
        request = self._answering
        if self._stopping or (request is not None and request.body.expected):
            return False
        if request is None or self._receiving is not request:
            return True
        return self._left is None or self._left <= _PARSED_BYTES

    def go_ahead(self) -> None:
        request = self._answering
        if request is None or not request.answer.started:
            self.write(_CONTINUE)

    def taken(self) -> None:
        receiving = self._receiving
        if self._paused and (receiving is None or receiving.body.size <= _HIGH_BYTES // 4):
            self._resume()

    def _pause(self) -> None:
        if not self._paused and not self._lost:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not (self._lost or self._deaf or self._waiting):
            self._paused = False
            self._transport.resume_reading()
