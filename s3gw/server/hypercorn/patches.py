"""Fixes to how hypercorn 0.18 sends HTTP/1.1 messages.

* `HTTP/1.1 100 ` gets its reason phrase, and so does the final answer to a client that waited for
  it in vain. In RFC 9112 the phrase is optional, but botocore before 1.40.21 takes the line for a
  broken one and fails every PUT that has a body; newer ones do not see that they were refused. With
  an empty body there is no wait, and botocore reads the answer in the same way. The connection is
  closed after such an answer, or botocore takes its status for that of the next one.
* The head of a response is sent together with the first bytes of its body: one system call and one
  packet less for each small GET, about a tenth of what hypercorn spends on one. ASGI allows a
  server to send the head only with the first body message, so no application can depend on an
  earlier one.
* What the parser refuses is answered in S3's words; hypercorn sends an empty body without a phrase.
* `100 Continue` waits until the application calls `receive`, as ASGI specifies. hypercorn sends it
  earlier, so that a client uploads a whole body that is then refused.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

import h11
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol

from s3gw.server.parser_refusals import parser_refusal

# Larger first pieces of a body are not worth the copying.
_JOIN_UP_TO = 64 << 10
_NAMES_OF_THE_KNOWN = frozenset(
    {"connection", "send", "h11", "LocalProtocolError", "their_state", "ERROR", "RawData"}
)
_CONTINUE = 100
_CLOSING = ((b"connection", b"close"),)

Head = TypeVar("Head", h11.InformationalResponse, h11.Response)


class UnknownHypercorn(Exception):
    """The function to replace is not the one that is known."""


def patch_hypercorn() -> None:
    """Apply all fixes; a second call does nothing."""
    protocol: Any = H11Protocol
    original = protocol._send_h11_event
    if original is _send_h11_event:
        return
    if frozenset(original.__code__.co_names) != _NAMES_OF_THE_KNOWN:
        raise UnknownHypercorn("hypercorn's H11Protocol._send_h11_event has changed")
    protocol._held_head = b""
    protocol._go_ahead = False
    protocol._expected = False
    protocol._send_h11_event = _send_h11_event
    protocol._create_stream = _telling_when_asked(protocol._create_stream)
    protocol._send_error_response = _send_error_response


def _telling_when_asked(create_stream: Any) -> Any:
    async def _create_stream(self: Any, request: Any) -> None:
        app = self.app
        self._expected = any(name == b"expect" for name, _ in request.headers)
        if self.connection.they_are_waiting_for_100_continue:
            self.app = _ContinueFirst(self, app)
        try:
            await create_stream(self, request)
        finally:
            self.app = app

    return _create_stream


class _ContinueFirst:
    """hypercorn's wrapper of the application, for a request whose client waits for a `100`."""

    def __init__(self, protocol: Any, app: Any) -> None:
        self._protocol = protocol
        self._app = app

    async def __call__(self, scope: Any, receive: Any, *rest: Any) -> None:
        async def told_receive() -> Any:
            await self._tell()
            return await receive()

        await self._app(scope, told_receive, *rest)

    async def _tell(self) -> None:
        connection = self._protocol.connection
        waits = connection.they_are_waiting_for_100_continue
        if waits and connection.our_state is h11.SEND_RESPONSE:
            self._protocol._go_ahead = True
            self._protocol._expected = False
            event = h11.InformationalResponse(status_code=_CONTINUE, headers=[])
            await self._protocol._send_h11_event(event)
            self._protocol._go_ahead = False


async def _send_error_response(self: Any, status_code: int) -> None:
    headers, body = parser_refusal(status_code)
    await self._send_h11_event(with_reason(h11.Response(status_code=status_code, headers=headers)))
    await self._send_h11_event(h11.Data(data=body))
    await self._send_h11_event(h11.EndOfMessage())


async def _send_h11_event(self: Any, event: Any) -> None:
    if type(event) is h11.InformationalResponse:
        if event.status_code == _CONTINUE and not self._go_ahead:
            return
        event = with_reason(event)
    elif type(event) is h11.Response and self._expected:
        event = with_reason(event, *_CLOSING)
    try:
        block = self.connection.send(event)
    except h11.LocalProtocolError:
        # As in the original: the client broke the protocol, so there is no answer to it any more.
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


def with_reason(event: Head, *more: tuple[bytes, bytes]) -> Head:
    """Return the same head with its reason phrase, and with more headers."""
    phrase = HTTPStatus(event.status_code).phrase.encode()
    headers = [*event.headers, *more]
    return type(event)(status_code=event.status_code, headers=headers, reason=phrase)
