"""A transformer that is spoken to by a WebSocket; the arguments of an object say what to do."""

from __future__ import annotations

import json
import os

from aiohttp import WSMsgType, web


async def health(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def serve(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        told = json.loads(message.data)
        body = (await socket.receive()).data
        match told.get("etl_args"):
            case "size":
                await socket.send_bytes(str(len(body)).encode())
            case "refuse":
                await socket.send_str("no such picture")
            case "leave":
                await socket.close()
            case "path":
                await socket.send_bytes(told["path"].encode())
            case _:
                await socket.send_bytes(body[::-1])
        assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT)
    return socket


app = web.Application()
app.add_routes([web.get("/health", health), web.get("/ws", serve)])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None)
