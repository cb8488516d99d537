"""A connection of the server's protocol without a socket: bytes in, answers and requests out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from s3gw.server.http1.connection import Connection
from s3gw.server.http1.sweep import Bounds, Sweep

BOUNDS = Bounds(connections=4, head_bytes=8192, head_s=10.0, idle_s=60.0, unread_s=30.0)
# More turns of the loop than any request here needs.
_TURNS = 12

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass
class Seen:
    """A request as the application saw it; `lost` when its body had no end."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    lost: bool = False


class Recorder:
    """An application that reads each body to its end and answers with its length."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        seen = Seen(scope["method"], scope["raw_path"] + query, list(scope["headers"]))
        more = True
        while more:
            message = await receive()
            seen.lost = message["type"] == "http.disconnect"
            seen.body += message.get("body", b"")
            more = message.get("more_body", False)
        self.seen.append(seen)
        answer = b"%d" % len(seen.body)
        headers = [(b"Content-Length", b"%d" % len(answer))]
        status = 400 if seen.lost else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        body = b"" if seen.method == "HEAD" else answer
        await send({"type": "http.response.body", "body": body})


@dataclass
class Transport:
    """What the event loop does with a socket, as far as it matters here."""

    lost: Callable[[], None] = lambda: None
    resumed: Callable[[], None] = lambda: None
    sent: bytearray = field(default_factory=bytearray)
    closed: bool = False
    aborted: bool = False
    ended: bool = False
    paused: bool = False

    def write(self, block: bytes) -> None:
        assert not self.closed, block
        assert not self.ended, block
        self.sent += block

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.lost)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        asyncio.get_running_loop().call_soon(self.resumed)

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.1", 5) if name == "peername" else None


class Wire:
    """One connection; `send` hands bytes to it as the loop does: only while it reads."""

    def __init__(self, app: App, sweep: Sweep | None = None) -> None:
        self.sweep = sweep or Sweep(BOUNDS)
        self.state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        self.connection = Connection(
            sweep=self.sweep,
            config=SimpleNamespace(loaded_app=app),  # type: ignore[arg-type]
            server_state=self.state,  # type: ignore[arg-type]
            app_state={},
        )
        self._unread = bytearray()
        self.transport = Transport(self._lost, self._read)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    @property
    def sent(self) -> bytes:
        return bytes(self.transport.sent)

    def is_over(self) -> bool:
        """Whether the client sees the end of the answers."""
        return self.transport.closed or self.transport.ended

    def is_closed(self) -> bool:
        return self.transport.closed

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.receive(piece)
            await turns()

    def receive(self, piece: bytes) -> None:
        self._unread += piece
        self._read()

    async def sweep_after(self, seconds: float) -> None:
        """Let the sweep look as if that much time had passed."""
        self.sweep.now += seconds
        self.connection.look(self.sweep.now)
        await turns()

    def _read(self) -> None:
        while self._unread and not (self.transport.paused or self.transport.closed):
            room = self.connection.get_buffer(-1)
            count = min(len(room), len(self._unread))
            room[:count] = self._unread[:count]
            del self._unread[:count]
            self.connection.buffer_updated(count)

    def _lost(self) -> None:
        self.connection.connection_lost(None)


async def turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def taken(pieces: Iterable[bytes]) -> tuple[list[Seen], bytes]:
    """The requests that an application sees of these pieces, and what is answered."""

    async def work() -> tuple[list[Seen], bytes]:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(*pieces)
        # What is not whole is not a request.
        wire.transport.close()
        await turns()
        return [seen for seen in recorder.seen if not seen.lost], wire.sent

    return asyncio.run(work())
