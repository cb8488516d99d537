"""Delivery of events from the durable queue: at least once, in order.

After a failure a target is tried again with the same event, so that the order is kept, after a
pause that doubles up to a limit; other targets do not wait. An event older than `keep_s` is given
up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from s3gw.events.notifier import Count, Outcome
from storage.clock import Clock, SystemClock
from storage.outbox import Outbox, Waiting

log = logging.getLogger(__name__)

# Events read together, and the most that are sent again after a crash.
BATCH = 100
_NS = 1_000_000_000


class Undelivered(Exception):
    """The target did not accept the event; the text says why, without secrets."""


class Sender(Protocol):
    async def send(self, body: bytes) -> None:
        """Send one event. Raises `Undelivered`."""
        ...


class Pace(Struct, frozen=True):
    """All in seconds: the interval between looks at the queue, the first and the longest pause
    after a failure, and the longest wait of an event."""

    interval_s: float
    retry_s: float
    longest_retry_s: float
    keep_s: float


class TargetQueue:
    """One target's events. `run_once` is one round of the loop in `cluster.maintenance`."""

    def __init__(
        self,
        target: str,
        outbox: Outbox,
        sender: Sender,
        *,
        pace: Pace,
        count: Count,
        clock: Clock | None = None,
    ) -> None:
        self._target = target
        self._outbox = outbox
        self._sender = sender
        self._pace = pace
        self._count = count
        self._clock = clock or SystemClock()
        self._pause_s = 0.0

    async def run_once(self) -> float:
        """Deliver waiting events, until the first failure; return the seconds to pause before the
        next round."""
        waiting = await self._outbox.read(self._target, BATCH)
        done: list[int] = []
        try:
            await self._deliver(waiting, done)
        except Undelivered as error:
            return self._after_failure(str(error), waiting[len(done)])
        finally:
            if done:
                await self._outbox.drop(done)
            if waiting:
                await self._outbox.checkpoint()
        self._pause_s = 0.0
        return 0.0 if len(waiting) == BATCH else self._pace.interval_s

    async def _deliver(self, waiting: Sequence[Waiting], done: list[int]) -> None:
        """Send the events; the ids of those sent, or too old, are added to `done`. Raises
        `Undelivered`."""
        for record in waiting:
            if self._is_too_old(record):
                self._note(Outcome.GIVEN_UP)
                log.error("notification given up: too old", extra={"target": self._target})
            else:
                await self._sender.send(record.body)
                self._note(Outcome.DELIVERED)
            done.append(record.id)

    def _after_failure(self, reason: str, record: Waiting) -> float:
        self._note(Outcome.FAILED)
        longest = self._pace.longest_retry_s
        self._pause_s = min(max(self._pace.retry_s, 2 * self._pause_s), longest)
        fields = {"target": self._target, "reason": reason, "retry_s": self._pause_s}
        waits_s = (self._clock.now_ns() - record.time_ns) // _NS
        log.warning("notification not delivered", extra={**fields, "waits_s": waits_s})
        return self._pause_s

    def _is_too_old(self, record: Waiting) -> bool:
        return self._clock.now_ns() - record.time_ns > self._pace.keep_s * _NS

    def _note(self, outcome: Outcome) -> None:
        self._count(self._target, outcome, 1)
