"""The schedule of the lifecycle walk: once a day, a bite at a time.

Turns are numbered by the days since the epoch, so they begin at midnight UTC, when rules fall due.
An interrupted turn is continued first. Where a day is not 24 hours long, for tests, each has
several turns.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from msgspec import Struct

from cluster.lifecycle.progress import Progress, State
from cluster.lifecycle.rules import REAL_CALENDAR, REAL_DAY_S, Calendar
from cluster.lifecycle.walk import Announce, Position, Tally, Walk, tell_nobody
from cluster.maintenance import StoppedWithin
from storage.backend import Backend
from storage.clock import Clock, SystemClock

log = logging.getLogger(__name__)

# After each bite the worker rests as long as it took.
REST = 1.0
SAVE_S = 5.0
TURNS_A_SHORT_DAY = 10
SHORTEST_TURN_S = 1.0
_NS = 1_000_000_000
_SYSTEM_CLOCK = SystemClock()


class Worker(Struct, frozen=True):
    """Applies the rules of all buckets in `store`; calls `passed` with what each pass did, and
    `announce` with what was deleted."""

    store: Backend
    progress: Progress
    stopped_within: StoppedWithin
    calendar: Calendar = REAL_CALENDAR
    clock: Clock = _SYSTEM_CLOCK
    passed: Callable[[Tally], None] = lambda _: None
    announce: Announce = tell_nobody
    timer: Callable[[], float] = time.perf_counter

    async def run_once(self) -> float:
        """Do a pass, if it is time for one; return how many seconds the next may wait."""
        state = await asyncio.to_thread(self.progress.load)
        turn = self.clock.now_ns() // self._turn_ns
        if state.at is None:
            if state.turn == turn:
                return self._until_next()
            state = State(turn, Position())
        await self._go_on(state)
        return 0

    async def _go_on(self, state: State) -> None:
        """Walk to the end of the pass, or until it is time to stop."""
        walk = Walk(self.store, self.calendar, self.clock, state.tally, self.announce)
        saved = began = self.timer()
        async with aclosing(walk.bites(state.at or Position())) as bites:
            async for state.at in bites:
                now = self.timer()
                stop = await self.stopped_within((now - began) * REST)
                if stop or now - saved >= SAVE_S:
                    await asyncio.to_thread(self.progress.save, state)
                    saved = now
                if stop:
                    return
                began = self.timer()
        state.at = None
        await asyncio.to_thread(self.progress.save, state)
        self._report(state.tally)

    def _report(self, tally: Tally) -> None:
        fields = {name: getattr(tally, name) for name in tally.__struct_fields__}
        log.log(
            logging.INFO if any(fields.values()) else logging.DEBUG,
            "lifecycle pass ended",
            extra=fields,
        )
        self.passed(tally)

    def _until_next(self) -> float:
        return (self._turn_ns - self.clock.now_ns() % self._turn_ns) / _NS

    @property
    def _turn_ns(self) -> int:
        day_s = self.calendar.day_s
        if day_s == REAL_DAY_S:
            return self.calendar.day_ns
        return int(max(SHORTEST_TURN_S, day_s / TURNS_A_SHORT_DAY) * _NS)
