"""The answer to a request: ASGI's `send`, and the shorter way of `s3gw.http.answer`.

The head leaves together with the first bytes of the body, in one write.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.types import Message

# Larger blocks are not worth the copying.
JOIN_UP_TO = 64 << 10
# As the front ends spell it.
_LENGTH = "Content-Length"
_WITHOUT_BODY = frozenset((204, 304))
_CHUNKED = "Transfer-Encoding: chunked\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_CLOSE = "Connection: close\r\n\r\n"


class BrokenAnswer(Exception):
    """An answer that cannot be sent as HTTP, by a fault of the application."""


class Line(Protocol):
    """What an answer asks of its connection."""

    def write(self, block: bytes) -> None: ...

    async def drained(self) -> None:
        """Wait while the client leaves too much unread."""

    def may_go_on(self) -> bool:
        """Whether another request can be read after this one."""


class _StatusLines:
    """Status lines with the date of this second."""

    def __init__(self) -> None:
        self._second = -1
        self._lines: dict[int, str] = {}

    def line(self, status: int) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._lines = second, {}
        line = self._lines.get(status)
        if line is None:
            date = formatdate(second, usegmt=True)
            line = f"HTTP/1.1 {status} {phrase(status)}\r\nDate: {date}\r\n"
            self._lines[status] = line
        return line


_STATUS_LINES = _StatusLines()


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class OutgoingAnswer:
    """`keep_alive` says whether another request may follow on the connection."""

    __slots__ = (
        "_chunked",
        "_head",
        "_is_head",
        "_left",
        "_line",
        "_old",
        "ended",
        "keep_alive",
        "started",
    )

    def __init__(self, line: Line, *, method: str, old: bool, keep_alive: bool) -> None:
        self._line = line
        self._is_head = method == "HEAD"
        # HTTP/1.0 knows no chunks.
        self._old = old
        self._head = b""
        self._chunked = False
        # Bytes of the body that are announced and not written; None without a length.
        self._left: int | None = None
        self.keep_alive = keep_alive
        self.started = False
        self.ended = False

    async def __call__(self, message: Message) -> None:
        """Send an ASGI message."""
        if message["type"] == "http.response.start":
            pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"]]
            self.begin(message["status"], {}, pairs)
        else:
            await self.write(message.get("body", b""), last=not message.get("more_body", False))

    def begin(
        self, status: int, headers: Mapping[str, str], more: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Set the head, which waits for the first bytes of the body. `Content-Length` and
        `Connection` are spelt so in `headers`, and in any way in `more`.

        Raises `BrokenAnswer` for a header with a line break in it.
        """
        if self.started:
            raise BrokenAnswer("a second head")
        self.started = True
        said = {name.lower(): value for name, value in more} if more else {}
        length = headers.get(_LENGTH) or said.get("content-length")
        closes = (headers.get("Connection") or said.get("connection", "")).lower() == "close"
        self.keep_alive = self.keep_alive and not closes and self._line.may_go_on()
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        lines += [f"{name}: {value}\r\n" for name, value in more]
        text = "".join(lines)
        if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
            raise BrokenAnswer("a line break in a header")
        if self._is_head or status in _WITHOUT_BODY:
            self._left = 0
        elif length is not None:
            self._left = int(length)
        elif self._old:
            self.keep_alive = False
        else:
            self._chunked = True
            text += _CHUNKED
        end = "\r\n" if self.keep_alive or closes else _CLOSE
        self._head = (_STATUS_LINES.line(status) + text + end).encode("latin-1")

    async def write(self, block: bytes, *, last: bool) -> None:
        """Send a block of the body; the client may have to read before this returns.

        Raises `BrokenAnswer` when the body has not the length that the head announced.
        """
        if not self.started or self.ended:
            raise BrokenAnswer("a body without a head")
        size = len(block)
        if self._left is not None:
            if self._is_head:
                block, size = b"", 0
            self._left -= size
            if self._left < 0 or (last and self._left > 0):
                raise BrokenAnswer("a body of another length than was announced")
        elif self._chunked:
            block = _chunk(block, last=last)
        head, self._head = self._head, b""
        if head and len(block) <= JOIN_UP_TO:
            self._line.write(head + block)
        else:
            if head:
                self._line.write(head)
            if block:
                self._line.write(block)
        if last:
            self.ended = True
        else:
            await self._line.drained()


def _chunk(block: bytes, *, last: bool) -> bytes:
    chunk = b"%x\r\n%b\r\n" % (len(block), block) if block else b""
    return chunk + _LAST_CHUNK if last else chunk
