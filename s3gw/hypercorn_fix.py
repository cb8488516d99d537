"""What is mended in hypercorn 0.18, in one place: how it sends an HTTP/1.1 message, and what it
bears.

* `HTTP/1.1 100 ` gets its reason phrase. RFC 9112 makes the phrase optional, but botocore before
  1.40.21 takes the line for a broken one and fails every PUT that has a body.
* The head of a response goes out together with the first bytes of its body: one system call and one
  packet less for each small GET, about a tenth of what hypercorn spends on one. An application
  must not count on its head being seen before its first body message (ASGI says so), so nothing
  that could be seen is held back.
* A head that began has to end within a time; hypercorn counts it as an idle connection.
* No more than so many connections are open; hypercorn takes all. And one that the client closed is
  closed here too, at once: hypercorn keeps it, and its file descriptor, for the whole time that
  idle connections are kept.
* It does not turn to HTTP/2, by `Upgrade: h2c` or by its preface: no client of ours asks for it,
  and none of the limits would hold there.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from hypercorn.asyncio import run as hypercorn_run
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol

# Larger first pieces of a body are not worth the copying.
_JOIN_UP_TO = 64 << 10
_NAMES_OF_THE_KNOWN = frozenset(
    {"connection", "send", "h11", "LocalProtocolError", "their_state", "ERROR", "RawData"}
)


class UnknownHypercorn(Exception):
    """The function to replace is not the one that is known."""


def mend_hypercorn() -> None:
    """Apply all of it; a second call does nothing."""
    protocol: Any = H11Protocol
    original = protocol._send_h11_event
    if original is _send_h11_event:
        return
    if frozenset(original.__code__.co_names) != _NAMES_OF_THE_KNOWN:
        raise UnknownHypercorn("hypercorn's H11Protocol._send_h11_event has changed")
    protocol._held_head = b""
    protocol._send_h11_event = _send_h11_event
    protocol._slow_head = None
    protocol.handle = _handle
    protocol._check_protocol = _check_protocol
    hypercorn_run.TCPServer = BoundedTCPServer  # type: ignore[attr-defined]


async def _send_h11_event(self: Any, event: Any) -> None:
    if type(event) is h11.InformationalResponse:
        event = with_reason(event)
    try:
        block = self.connection.send(event)
    except h11.LocalProtocolError:
        # As in the original: the client broke the protocol, nothing can be said to it any more.
        if self.connection.their_state != h11.ERROR:
            raise
        return
    if type(event) is h11.Response:
        self._held_head = block
        return
    for piece in _join(self, block):
        await self.send(RawData(data=piece))


def _join(protocol: Any, block: bytes) -> tuple[bytes, ...]:
    head, protocol._held_head = protocol._held_head, b""
    if head and len(block) > _JOIN_UP_TO:
        return head, block
    return (head + block,) if head or block else ()


def with_reason(event: h11.InformationalResponse) -> h11.InformationalResponse:
    phrase = HTTPStatus(event.status_code).phrase.encode()
    return h11.InformationalResponse(
        status_code=event.status_code, headers=event.headers, reason=phrase
    )


class BoundedTCPServer(TCPServer):
    """One connection. `config.most_connections` are open at once; one more is closed unread."""

    _open = 0
    _over = False

    async def run(self) -> None:
        config: Any = self.config
        if BoundedTCPServer._open >= config.most_connections:
            self.writer.transport.abort()
            return
        BoundedTCPServer._open += 1
        try:
            await super().run()
        finally:
            BoundedTCPServer._open -= 1

    async def _read_data(self) -> None:
        await super()._read_data()
        self._over = True
        await self.idle_task.stop()

    async def protocol_send(self, event: Any) -> None:
        if not (self._over and type(event) is Updated):
            await super().protocol_send(event)


_original_handle = H11Protocol.handle


async def _handle(self: Any, event: Any) -> None:
    """Most heads come whole, and cost nothing here."""
    await _original_handle(self, event)
    if self.stream is None and type(event) is RawData and _is_in_head(self.connection):
        if self._slow_head is None:
            loop = asyncio.get_running_loop()
            self._slow_head = loop.call_later(self.config.head_timeout_s, _give_up, self)
    elif self._slow_head is not None:
        self._slow_head.cancel()
        self._slow_head = None


def _is_in_head(connection: Any) -> bool:
    return connection.their_state is h11.IDLE and bool(connection.trailing_data[0])


def _give_up(protocol: Any) -> None:
    protocol._slow_head = None
    protocol.task_group.spawn(_refuse_slow_head, protocol)


async def _refuse_slow_head(protocol: Any) -> None:
    if protocol.stream is None and protocol.connection.our_state is h11.IDLE:
        await protocol._send_error_response(HTTPStatus.REQUEST_TIMEOUT)
        await protocol.send(Closed())


async def _check_protocol(self: Any, request: h11.Request) -> None:
    """Whatever it asks to turn to: the application answers it as what it is."""
