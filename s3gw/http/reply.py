"""Replies, and writing them as ASGI messages.

Starlette's `StreamingResponse` is not used: under a server that announces ASGI 2.1, as hypercorn
does, it starts a task group for each response, which costs small GETs about a third of their rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3gw.http.leaving import ClientLeft, Connected
from s3gw.http.memory_room import Holding
from s3gw.wire.xmldoc import to_xml
from storage.values import Stream

if TYPE_CHECKING:
    from starlette.types import Receive, Send

XML = "application/xml"


@dataclass(slots=True)
class Reply:
    """The answer of an operation: a status, headers, and bytes or a stream of them.

    `repeated` are headers whose names may occur several times. `memory` is what a stream has been
    given already. `sent` counts the bytes of the body that were sent, for the log and the metrics.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Stream = b""
    sent: int = 0
    repeated: Sequence[tuple[str, str]] = ()
    memory: Holding | None = None


def xml_reply(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, {"Content-Type": XML, **(headers or {})}, to_xml(document))


async def write_reply(reply: Reply, method: str, receive: Receive | None, send: Send) -> None:
    """Send the reply; a HEAD keeps the length that a GET would have, and has no body."""
    body = reply.body
    headers = reply.headers
    if isinstance(body, bytes) and reply.status not in (204, 304):
        headers.setdefault("Content-Length", str(len(body)))
    raw = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()]
    if reply.repeated:
        raw += [(n.encode("latin-1"), v.encode("latin-1")) for n, v in reply.repeated]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if isinstance(body, bytes):
        reply.sent = 0 if method == "HEAD" else len(body)
        body = b"" if method == "HEAD" else body
        if reply.memory is not None:
            # The end waits until the client has taken most of it.
            await send({"type": "http.response.body", "body": body, "more_body": True})
            body = b""
        await send({"type": "http.response.body", "body": body})
    elif await _write_stream(reply, body, receive, send):
        await send({"type": "http.response.body", "body": b""})


async def _write_stream(reply: Reply, body: Stream, receive: Receive | None, send: Send) -> bool:
    """Send the stream; False when the client left before its end.

    hypercorn silently drops data for a disconnected client, so a task listens for the disconnect.
    Bodies of one chunk are not worth a task, unless work goes on for the next one.
    """
    try:
        async with Connected(receive) as client, aclosing(body):
            async for chunk in body:
                if reply.sent:
                    client.listen()
                reply.sent += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except ClientLeft:
        return False
    return True
