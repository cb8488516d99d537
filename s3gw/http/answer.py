"""Answers as the front ends send them, over any ASGI server.

A server whose `send` is an `Answer` itself is spared the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.types import Message, Send


class Answer(Protocol):
    """A head, and then a body in blocks."""

    def begin(
        self, status: int, headers: Mapping[str, str], more: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Set the head; `more` are headers whose names may occur several times. In `headers`,
        `Content-Length` and `Connection` are spelt so."""

    async def write(self, block: bytes, *, last: bool) -> None:
        """Send a block of the body, and the head with the first one."""


class AsgiAnswer:
    """An answer in ASGI's messages."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None

    def begin(
        self, status: int, headers: Mapping[str, str], more: Sequence[tuple[str, str]] = ()
    ) -> None:
        pairs = [*headers.items(), *more]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        self._start = {"type": "http.response.start", "status": status, "headers": raw}

    async def write(self, block: bytes, *, last: bool) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
        await self._send({"type": "http.response.body", "body": block, "more_body": not last})


def answer_over(send: Send) -> Answer:
    """Return the answer that this `send` carries."""
    return send if hasattr(send, "begin") else AsgiAnswer(send)  # type: ignore[return-value]
