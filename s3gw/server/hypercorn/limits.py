"""Connection, header-size and header-time limits that hypercorn 0.18 lacks.

* A head that began has to end within `head_timeout_s`; hypercorn counts it as an idle connection.
* At most `most_connections` are open; hypercorn accepts any number. And a connection that the
  client closed is closed here too, at once: hypercorn keeps it, and its file descriptor, for the
  whole time that idle connections are kept.
* A client that does not read its answer is let go (`slow_readers`).
* It does not switch to HTTP/2, by `Upgrade: h2c` or by its preface: our clients do not use it, and
  the limits would not hold there.
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

_original_handle = H11Protocol.handle


def bound_hypercorn() -> None:
    """Install the limits; a second call does nothing. Their values are in hypercorn's
    configuration, as `most_connections` and `head_timeout_s`."""
    protocol: Any = H11Protocol
    protocol._slow_head = None
    protocol.handle = _handle
    protocol._check_protocol = _check_protocol
    hypercorn_run.TCPServer = BoundedTCPServer  # type: ignore[attr-defined]


class BoundedTCPServer(TCPServer):
    """One connection. `config.most_connections` are open at once; one more is closed unread."""

    _open = 0
    _over = False

    async def run(self) -> None:
        config: Any = self.config
        if BoundedTCPServer._open >= config.most_connections:
            self.writer.transport.abort()
            return
        transport: Any = self.writer.transport
        config.slow_readers.watch(transport, transport.get_protocol())
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


async def _handle(self: Any, event: Any) -> None:
    """Start a timer for an incomplete head. Most heads come whole, and cost nothing here."""
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
    """Ignore a requested upgrade: the application answers the request in HTTP/1.1."""
