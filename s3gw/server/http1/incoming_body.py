"""The body of a request as it arrives, as ASGI's `receive`."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.types import Message

_DISCONNECT: Message = {"type": "http.disconnect"}
_END: Message = {"type": "http.request", "body": b"", "more_body": False}


class Flow(Protocol):
    """What a body asks of its connection."""

    def go_ahead(self) -> None:
        """Tell the client to send the body."""

    def taken(self) -> None:
        """A piece was taken: there is room for another one."""


class IncomingBody:
    """Pieces that were received and not taken yet.

    `ended` is set when the last byte was received, `lost` when no more can come. A call waits for
    the next message; `at_once` returns it if there is no need to wait, or else None.
    """

    __slots__ = ("_flow", "_pieces", "_told_end", "_waiters", "ended", "expected", "lost", "size")

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._pieces: deque[bytes] = deque()
        self._waiters: list[asyncio.Future[None]] = []
        self._told_end = False
        self.size = 0
        self.ended = False
        self.lost = False
        # Whether the client waits for `100 Continue`, before an empty body too. There it could be
        # left out, but AWS CLI v1 and older boto3 take the final status in its place
        # for that of the next request as well, and wait for the head of that one in vain.
        self.expected = False

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def lose(self) -> None:
        self.lost = True
        self._wake()

    def discard(self) -> None:
        self._pieces.clear()
        self.size = 0

    def take_all(self) -> bytes:
        """Return what waits, in one piece."""
        whole = b"".join(self._pieces)
        self.discard()
        return whole

    async def __call__(self) -> Message:
        while (message := self.at_once()) is None:
            self._go_ahead()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return message

    def at_once(self) -> Message | None:
        if self._pieces:
            piece = self._pieces.popleft()
            self.size -= len(piece)
            self._flow.taken()
            more = not self.ended or bool(self._pieces)
            self._told_end = not more
            return {"type": "http.request", "body": piece, "more_body": more}
        if self.lost:
            return _DISCONNECT
        if self.ended and not self._told_end:
            self._told_end = True
            self._go_ahead()
            return _END
        return None

    def _go_ahead(self) -> None:
        if self.expected:
            self.expected = False
            self._flow.go_ahead()

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
