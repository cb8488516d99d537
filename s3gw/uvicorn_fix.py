"""What is mended in uvicorn 0.54: the head of a response goes out together with its first bytes.

uvicorn writes the two apart. Each write is a system call and a packet, and wakes a client that may
then have nothing to do. An ASGI server may hold the head back until the first body message.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Larger pieces are not worth the copying.
_JOIN_UP_TO = 64 << 10


class JoiningTransport:
    """A transport that keeps a small block until the next one, or until the loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

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
        self._transport.close()

    def _flush(self) -> None:
        block, self._held = self._held, b""
        if block:
            self._transport.write(block)


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's own, on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = JoiningTransport(transport, self.loop)  # type: ignore[assignment]
