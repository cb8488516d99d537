"""The whole gateway as one ASGI application: health and metrics by path, S3 for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class App:
    """`/v1/health`, `/metrics` and `/v1/metrics` are ours; bucket names have three letters or more,
    so `/v1` and `/s3` can never be buckets."""

    def __init__(self, *, s3: ASGIApp, health: ASGIApp, metrics: ASGIApp) -> None:
        self._s3 = s3
        self._fixed = {
            b"/v1/health": health,
            b"/metrics": metrics,
            b"/v1/metrics": metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            app = self._fixed.get(scope["raw_path"], self._s3)
            await app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            # Nothing here speaks WebSocket; closing before accepting answers 403.
            await send({"type": "websocket.close", "code": 1000})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
