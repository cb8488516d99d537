"""`/v1/health`: 200 while this server takes requests, 503 while it starts or stops."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class HealthApp:
    """Answers with the state that was set last, as JSON."""

    def __init__(self) -> None:
        self.state = State.STARTING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b'{"status":"%b"}\n' % self.state.value.encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        status = 200 if self.state is State.READY else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )
