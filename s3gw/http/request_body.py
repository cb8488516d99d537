"""The body of a request as it arrives over the network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.wire.errors import Code, S3Error

if TYPE_CHECKING:
    from starlette.types import Message, Receive

DRAINED_BYTES = 8 << 20
DRAINED_S = 5.0


class RequestBody:
    """An ASGI `receive` that counts the body's bytes, notes the time of the last one, and limits
    the waiting time."""

    def __init__(
        self,
        receive: Receive,
        head: Iterable[tuple[bytes, bytes]] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._receive = receive
        # What a server may offer beside ASGI: the next message, if there is no need to wait for it.
        self._at_once = getattr(receive, "at_once", None)
        self._head = head
        self._limits = limits
        self._patience_s = limits.body_stall_s
        self._progress = 0
        self._asked = False
        self._ended = False
        self._stalled = False
        self.count = 0
        self.ended_s = time.perf_counter()

    async def __call__(self) -> dict[str, object]:
        """Receive a message. Raises `RequestTimeout` when the body does not continue."""
        self._asked = True
        message = None if self._at_once is None else self._at_once()
        if message is None:
            message = await (self._receive() if self._ended else self._next())
        if body := message.get("body"):
            self.count += len(body)
            self.ended_s = time.perf_counter()
            self._note_progress(len(body))
        self._ended = not message.get("more_body", False)
        return message  # type: ignore[return-value]

    async def _next(self) -> Message:
        """Return the next piece of the body, within the remaining time."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience_s):
                message = await self._receive()
        except TimeoutError:
            self._stalled = True
            raise S3Error(Code.RequestTimeout) from None
        self._patience_s -= time.perf_counter() - began
        return message

    def _note_progress(self, count: int) -> None:
        self._progress += count
        if self._progress >= self._limits.body_progress_bytes:
            self._progress, self._patience_s = 0, self._limits.body_stall_s

    async def drained(self) -> bool:
        """Read the rest of a refused body, up to a limit; return whether that was all of it.

        Servers close a connection with unread data: a client that is still sending may never see
        the answer, and one that reuses the connection loses its next request. A client that waits
        for `100 Continue` has sent nothing, and reading would make it send the body.
        """
        if self._stalled or (not self._asked and _waits_for_go_ahead(self._head)):
            return False
        most = self.count + DRAINED_BYTES
        with suppress(TimeoutError, S3Error):
            async with asyncio.timeout(DRAINED_S):
                while not self._ended and self.count < most:
                    await self()
        return self._ended


def _waits_for_go_ahead(head: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"expect" and b"100-continue" in value.lower() for name, value in head)
