"""Clients that do not read their answers.

They are let go, so that they hold no memory for long. A connection is paused while its client
leaves more unread than a buffer's worth. One that stays paused is aborted, as one that does not
send its request is. When many are paused at once, or others wait for the memory that they hold,
those that have been for some seconds go first.
"""

from __future__ import annotations

import asyncio
from typing import Any

from s3gw.http.output import STREAMS

# With more than so many paused connections, those are let go that have been for `CROWDED_S`.
MOST_PAUSED = 256
CROWDED_S = 5.0


class SlowReaders:
    """The paused connections of a worker; each may be paused for `stall_s` at a time."""

    def __init__(self, stall_s: float, most: int = MOST_PAUSED) -> None:
        self._stall_s = stall_s
        self._most = most
        self._timers: dict[asyncio.Transport, asyncio.TimerHandle] = {}

    def pause(self, transport: asyncio.Transport) -> None:
        self.resume(transport)
        loop = asyncio.get_running_loop()
        wait_s = min(CROWDED_S, self._stall_s)
        self._timers[transport] = loop.call_later(wait_s, self._look, transport, wait_s)

    def forget(self, transport: asyncio.Transport, protocol: Any) -> None:
        """Undo `watch`, so that nothing refers to a connection that is lost."""
        self.resume(transport)
        del protocol.pause_writing, protocol.resume_writing, protocol.connection_lost

    def resume(self, transport: asyncio.Transport) -> None:
        timer = self._timers.pop(transport, None)
        if timer is not None:
            timer.cancel()

    def watch(self, transport: asyncio.Transport, protocol: Any) -> None:
        """Watch a connection whose protocol is a library's own."""
        pause, resume, lost = (
            protocol.pause_writing,
            protocol.resume_writing,
            protocol.connection_lost,
        )

        def pause_writing() -> None:
            self.pause(transport)
            pause()

        def resume_writing() -> None:
            self.resume(transport)
            resume()

        def connection_lost(error: Exception | None) -> None:
            self.forget(transport, protocol)
            lost(error)

        protocol.pause_writing, protocol.resume_writing = pause_writing, resume_writing
        protocol.connection_lost = connection_lost

    def _look(self, transport: asyncio.Transport, waited_s: float) -> None:
        if waited_s >= self._stall_s or len(self._timers) > self._most or STREAMS.is_crowded:
            self.resume(transport)
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        wait_s = min(CROWDED_S, self._stall_s - waited_s)
        later = loop.call_later(wait_s, self._look, transport, waited_s + wait_s)
        self._timers[transport] = later
