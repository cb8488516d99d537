"""The application itself as the transport of boto3: no socket, no server, the same bytes.

botocore asks the handlers of `before-send` for an answer before it opens a connection; ours runs
the request through the ASGI application on an event loop of its own.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders


@dataclass
class Answer:
    """One HTTP answer; header names are lower-case, the last of a repeated name wins, and `pairs`
    has all."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pairs: list[tuple[str, str]] = field(default_factory=list)


class AsgiServer:
    """Runs an ASGI application on a loop in a thread, and takes requests for it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        """The result of a coroutine, run on the application's loop."""
        return self.start(coroutine).result(60)

    def start(self, coroutine: Any) -> Future[Any]:
        """The same, without waiting for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def request(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> Answer:
        """`target` is the path and query as they stand in the request line."""
        return self.run(self.sending(method, target, headers, body))  # type: ignore[no-any-return]

    async def sending(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes,
        keeps_bytes: int | None = None,
    ) -> Answer:
        """The same; of the answer's body only so many bytes, or all of them."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
        }
        receive = _messages(body)
        answer = Answer()
        got = bytearray()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                raw = message.get("headers", [])
                answer.pairs = [(n.decode().lower(), v.decode("latin-1")) for n, v in raw]
                answer.headers = dict(answer.pairs)
            else:
                if keeps_bytes is None or len(got) < keeps_bytes:
                    got.extend(message.get("body", b""))

        await self.app(scope, receive, send)
        answer.body = bytes(got)
        return answer


def _messages(body: bytes, piece: int = 65536) -> Callable[[], Awaitable[Any]]:
    """What receives the body, and then waits; like a server's, it can be cancelled and repeated."""
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)]
    coming = deque({"type": "http.request", "body": each, "more_body": True} for each in pieces)
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        if not coming:
            await asyncio.Event().wait()
        return coming.popleft()

    return receive


class _Raw(io.BytesIO):
    """What botocore wants of urllib3's response."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while piece := self.read(amount):
            yield piece


def send_through(client: Any, server: AsgiServer) -> None:
    """Let a botocore client talk to the application instead of the network."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = [(n, _text(v)) for n, v in request.headers.items()]
        if "host" not in {name.lower() for name, _ in headers}:
            headers.append(("host", url.netloc))
        target = url.path + (f"?{url.query}" if url.query else "")
        got = server.request(request.method, target or "/", headers, _bytes(request.body))
        body = b"" if request.method == "HEAD" else got.body
        told = HTTPHeaders.from_dict(got.headers)
        return AWSResponse(request.url, got.status, told, _Raw(body))

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-send.{service}", answer)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else body.read()
