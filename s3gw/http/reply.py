"""Replies, and writing them as ASGI messages.

Starlette's `StreamingResponse` is not used: under a server that announces ASGI 2.1, as hypercorn
does, it starts a task group for each response, which costs small GETs about a third of their rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from s3gw.http.answer import Answer, answer_over
from s3gw.http.leaving import ClientLeft, Connected
from s3gw.http.memory_room import Holding
from s3gw.wire.xmldoc import to_xml
from storage.values import Stream

if TYPE_CHECKING:
    from starlette.types import Receive, Send

XML = "application/xml"


class Reply(Struct):
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
    body, headers, answer = reply.body, reply.headers, answer_over(send)
    if not isinstance(body, bytes):
        answer.begin(reply.status, headers, reply.repeated)
        if await _write_stream(reply, body, receive, answer):
            await answer.write(b"", last=True)
        return
    if reply.status not in (204, 304):
        headers.setdefault("Content-Length", str(len(body)))
    answer.begin(reply.status, headers, reply.repeated)
    if method == "HEAD":
        body = b""
    reply.sent = len(body)
    if reply.memory is not None:
        # The end waits until the client has taken most of it.
        await answer.write(body, last=False)
        body = b""
    await answer.write(body, last=True)


async def _write_stream(
    reply: Reply, body: Stream, receive: Receive | None, answer: Answer
) -> bool:
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
                await answer.write(chunk, last=False)
    except ClientLeft:
        return False
    return True
