"""Fixes to how uvicorn 0.54 sends responses, and limits that it lacks.

* The head of a response is sent together with its first bytes. uvicorn writes the two apart; each
  write is a system call and a packet, and wakes a client that may then have nothing to do. An ASGI
  server may hold the head back until the first body message.
* The head of a request is bounded in size and in time, and an idle connection is closed; uvicorn
  waits for ever for the first request, and for the end of any head.
* What the parser refuses is answered in S3's words.
* After the answer to a request whose body has not ended, the connection lingers before it is
  closed: with unread data in it, the system would reset it, and the client might lose the answer.
* The number of open connections is limited; uvicorn's own limit still accepts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from s3gw.server.parser_refusals import parser_refusal
from s3gw.server.slow_readers import SlowReaders

# Larger pieces are not worth the copying.
_JOIN_UP_TO = 64 << 10
# As long as a client may go on with a request that was answered already.
_LINGER_S = 2.0


class JoiningTransport:
    """A transport that keeps a small block until the next one, or until the loop's next turn. It
    lingers when it is closed while the other side is `sending`."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        sending: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._sending = sending
        self._held = b""
        self.lingers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, block: bytes) -> None:
        if len(block) > _JOIN_UP_TO:
            self._flush()
            self._transport.write(block)
        elif self._held:
            block, self._held = self._held + block, b""
            self._transport.write(block)
        else:
            self._held = block
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        if self.is_closing():
            return
        if self._sending():
            self.lingers = True
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(_LINGER_S, self._transport.close)
        else:
            self._transport.close()

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def _flush(self) -> None:
        block, self._held = self._held, b""
        if block:
            self._transport.write(block)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a connection, of a request's head on it, and of unread answers."""

    connections: int
    head_bytes: int
    head_s: float
    idle_s: float
    slow_readers: SlowReaders


class PatchedProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, on a `JoiningTransport`, and within the bounds."""

    def __init__(self, *args: Any, bounds: Bounds, **named: Any) -> None:
        super().__init__(*args, **named)
        self._bounds = bounds
        self._in_head = False
        self._head_bytes = 0
        self._named_bytes = 0
        # What was received since the last byte of a body, or of a head.
        self._without_body = 0
        self._slow_head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        joining = JoiningTransport(transport, self.loop, self._is_sending)
        self.transport = joining  # type: ignore[assignment]
        if len(self.connections) > self._bounds.connections:
            transport.abort()
            return
        idle = self.loop.call_later(self._bounds.idle_s, self.timeout_keep_alive_handler)
        self.timeout_keep_alive_task = idle

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self._bounds.slow_readers.resume(self.transport)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._bounds.slow_readers.pause(self.transport)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._bounds.slow_readers.resume(self.transport)
        super().resume_writing()

    def _is_sending(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        was_in_head = self._in_head
        self._without_body += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._end_head()
            return
        if not self._in_head:
            self._end_head()
            if self._is_sending() and self._without_body > self._bounds.head_bytes:
                # Trailers, or extensions of chunks, without an end.
                self._refuse_head(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        # The piece in which a head begins may start with the end of a body, so it is not counted.
        self._head_bytes = self._head_bytes + len(data) if was_in_head else 0
        if self._head_bytes > self._bounds.head_bytes:
            self._refuse_head(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._slow_head is None:
            self._slow_head = self.loop.call_later(
                self._bounds.head_s, self._refuse_head, HTTPStatus.REQUEST_TIMEOUT
            )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._named_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # The trailers of a body in chunks are not headers: what they say is not signed, and a proxy
        # has not looked at it (RFC 9110, 6.5.1).
        if self._in_head:
            self._named_bytes += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._without_body = 0
        # The parser stops, and asks for `send_400_response`.
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise ValueError("another version of HTTP")
        if self._named_bytes > self._bounds.head_bytes:
            raise ValueError("the head is too long, and came in one piece")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._without_body = 0
        super().on_body(body)

    def _end_head(self) -> None:
        if self._slow_head is not None:
            self._slow_head.cancel()
            self._slow_head = None

    def _refuse_head(self, status: HTTPStatus) -> None:
        self._end_head()
        headers, body = parser_refusal(status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        is_long = self._named_bytes > self._bounds.head_bytes
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_long else HTTPStatus.BAD_REQUEST
        self._refuse_head(status)
