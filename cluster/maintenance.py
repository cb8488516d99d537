"""The maintenance loop: rounds of work at an interval, in a thread, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

log = logging.getLogger(__name__)

# Waits that many seconds, or less when it is time to stop; says whether it is.
StoppedWithin = Callable[[float], Awaitable[bool]]


class MaintenanceRound(Protocol):
    @property
    def more(self) -> bool:
        """Whether another round at once is worth while."""
        ...


class Maintainer(Protocol):
    """What has chores: each round is bounded, so that stopping never waits long."""

    def run_once(self) -> MaintenanceRound: ...


class Job(Protocol):
    """What goes on beside the chores, on the loop; a round ends early when it is time to stop."""

    async def run_once(self) -> float:
        """How many seconds the next round may wait."""
        ...


async def run_maintenance(
    keeper: Maintainer, interval_s: float, stopped_within: StoppedWithin
) -> None:
    """A round now and after each interval, at once while there is more to do."""
    while True:
        more = await asyncio.to_thread(_round, keeper)
        if await stopped_within(0 if more else interval_s):
            return


async def run_repeatedly(job: Job, retry_s: float, stopped_within: StoppedWithin) -> None:
    """One round after the other; one that fails is tried again after `retry_s`."""
    while not await stopped_within(await _job_round(job, retry_s)):
        pass


async def _job_round(job: Job, retry_s: float) -> float:
    try:
        return await job.run_once()
    except Exception:
        log.exception("job failed", extra={"job": type(job).__module__})
        return retry_s


def _round(keeper: Maintainer) -> bool:
    """A round that fails is logged, and tried again after the interval."""
    try:
        return keeper.run_once().more
    except Exception:
        log.exception("housekeeping failed")
        return False


def until(stop: asyncio.Event) -> StoppedWithin:
    """Real time, and an event that says stop."""

    async def stopped_within(seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await stop.wait()
        except TimeoutError:
            return False

    return stopped_within


async def repeat(
    job: Callable[[], Awaitable[float]], pause_s: float, stopped_within: StoppedWithin
) -> None:
    """Do a job again and again: it says after how many seconds, and `pause_s` is when it failed."""
    while not await stopped_within(await _attempt(job, pause_s)):
        pass


async def _attempt(job: Callable[[], Awaitable[float]], pause_s: float) -> float:
    try:
        return await job()
    except Exception:
        log.exception("job failed")
        return pause_s
