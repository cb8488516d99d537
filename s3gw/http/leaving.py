"""Clients that leave, and the end of the work for them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from s3gw.wire.errors import S3Error

if TYPE_CHECKING:
    from starlette.types import Receive

# Work that is done sooner is not worth a task that listens.
PATIENCE_S = 0.25


class ClientLeft(BaseException):
    """The client has left. Nothing on the way turns it into an answer."""


class Connected:
    """A block of work for a client: it ends with `ClientLeft` when the client leaves.

    The block must not read the request's body. Its cancellation is like that of a task: what it
    opened has to be closed.
    """

    def __init__(self, receive: Receive | None, *, after_s: float = PATIENCE_S) -> None:
        self._receive = receive
        self._after_s = after_s
        self._timer: asyncio.TimerHandle | None = None
        self._listening: asyncio.Task[None] | None = None
        self._task: asyncio.Task[object] | None = None
        self._over = False
        self._cancelled = False
        # By others, who want the whole task to end.
        self._cancelled_before = 0

    async def __aenter__(self) -> Connected:
        self._task = asyncio.current_task()
        self._cancelled_before = self._task.cancelling() if self._task is not None else 0
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._after_s, self.listen)
        return self

    def listen(self) -> None:
        """Begin to listen now."""
        if self._listening is None and self._receive is not None and not self._over:
            self._listening = asyncio.create_task(_until_disconnect(self._receive))
            self._listening.add_done_callback(self._leave)

    def _leave(self, _: asyncio.Task[None]) -> None:
        if not self._over and self._task is not None:
            self._cancelled = True
            self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
        if not self._cancelled or self._task is None:
            return
        was_cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        if not was_cancelled:
            # The work ended in the same moment: the cancellation is on its way, and means nothing.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        others = self._task.uncancel()
        if was_cancelled and others <= self._cancelled_before:
            raise ClientLeft from error


async def _until_disconnect(receive: Receive) -> None:
    """Wait for a disconnect; a client that stops sending its body counts as disconnected too."""
    with suppress(S3Error):
        while (await receive())["type"] != "http.disconnect":
            pass
