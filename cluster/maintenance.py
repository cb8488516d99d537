"""Maintenance loop: rounds of work at an interval, in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from storage.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

# Waits that many seconds, or less when it is time to stop; returns whether it is.
StoppedWithin = Callable[[float], Awaitable[bool]]
# Goes on until its argument says that it is time to stop.
Work = Callable[[StoppedWithin], Coroutine[Any, Any, None]]


class MaintenanceRound(Protocol):
    @property
    def more(self) -> bool:
        """Whether there is enough left to do for another round at once."""
        ...


class Maintainer(Protocol):
    """An owner of chores: each round is bounded, so that stopping never waits long."""

    def run_once(self) -> MaintenanceRound: ...


class Job(Protocol):
    """Work beside the chores, on the event loop; a round ends early when it is time to stop."""

    async def run_once(self) -> float:
        """Do a round; return how many seconds the next one may wait."""
        ...


async def run_maintenance(
    keeper: Maintainer, interval_s: float, stopped_within: StoppedWithin
) -> None:
    """Run a round now and after each interval, and at once while there is more to do."""
    while True:
        more = await asyncio.to_thread(_round, keeper)
        if await stopped_within(0 if more else interval_s):
            return


async def run_repeatedly(job: Job, retry_s: float, stopped_within: StoppedWithin) -> None:
    """Run one round after the other; retry one that failed after `retry_s`."""
    while not await stopped_within(await _job_round(job, retry_s)):
        pass


async def _job_round(job: Job, retry_s: float) -> float:
    try:
        return await job.run_once()
    except DatabaseUnavailable as error:
        _note_away(job.run_once, error)
        return retry_s
    except Exception:
        log.exception("job failed", extra={"job": type(job).__module__})
        return retry_s


def _round(keeper: Maintainer) -> bool:
    """Run a round; log one that fails, so that it is tried again after the interval."""
    try:
        return keeper.run_once().more
    except Exception:
        log.exception("housekeeping failed")
        return False


def until(stop: asyncio.Event) -> StoppedWithin:
    """Return a wait in real time that `stop` ends."""

    async def stopped_within(seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await stop.wait()
        except TimeoutError:
            return False

    return stopped_within


async def stopped_before(
    event: asyncio.Event, seconds: float, stopped_within: StoppedWithin
) -> bool:
    """Wait that long, or until the event, or until it is time to stop; return whether it is."""
    stopping = asyncio.ensure_future(stopped_within(seconds))
    happening = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((stopping, happening), return_when=asyncio.FIRST_COMPLETED)
        return stopping.done() and stopping.result()
    finally:
        for each in (stopping, happening):
            each.cancel()
        await asyncio.wait((stopping, happening))


async def repeat(
    job: Callable[[], Awaitable[float]], pause_s: float, stopped_within: StoppedWithin
) -> None:
    """Repeat a job after as many seconds as it returns, or after `pause_s` when it failed."""
    while not await stopped_within(await _attempt(job, pause_s)):
        pass


async def _attempt(job: Callable[[], Awaitable[float]], pause_s: float) -> float:
    try:
        return await job()
    except DatabaseUnavailable as error:
        _note_away(job, error)
        return pause_s
    except Exception:
        log.exception("job failed")
        return pause_s


def _note_away(job: Callable[[], Awaitable[float]], error: DatabaseUnavailable) -> None:
    """An outage of the database, which the node's follower logs, is not a fault of the job."""
    log.debug("job waits", extra={"job": repr(job), "problem": str(error)})
