"""The body of a request as it comes over the wire, seen from the outermost layer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive

DRAINED_BYTES = 8 << 20
DRAINED_S = 5.0


class Received:
    """An ASGI `receive` that counts the body's bytes, and notes when the last one came."""

    def __init__(self, receive: Receive, head: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._receive = receive
        self._head = head
        self._asked = False
        self._ended = False
        self.count = 0
        self.ended_s = time.perf_counter()

    async def __call__(self) -> dict[str, object]:
        self._asked = True
        message = await self._receive()
        if body := message.get("body"):
            self.count += len(body)
            self.ended_s = time.perf_counter()
        self._ended = not message.get("more_body", False)
        return message  # type: ignore[return-value]

    async def drained(self) -> bool:
        """Take in what is left of a refused body, up to a limit; whether that was all of it.

        A server closes the connection of which it did not read everything: a client that is still
        sending may never see the answer, and one that keeps the connection loses its next request.
        One that waits for `100 Continue` has sent nothing: to read would be to tell it to go on.
        """
        if not self._asked and _waits_for_go_ahead(self._head):
            return False
        most = self.count + DRAINED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_S):
                while not self._ended and self.count < most:
                    await self()
        return self._ended


def _waits_for_go_ahead(head: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"expect" and b"100-continue" in value.lower() for name, value in head)
