"""Long work beside the event loop, and on it in short steps.

What a stranger sends decides how much work there is. Large inputs are read in a thread; what has to
be done on the loop is done in steps of milliseconds, and whoever else has a request is answered
between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from time import perf_counter
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# How long one step may hold the loop; a request of the usual size takes less and never waits.
STEP_S = 0.003
# Input of so many bytes is worth a thread.
LARGE_BYTES = 64 << 10


class Pace:
    """One long work; its steps are counted from the moment it is made."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def step(self) -> None:
        """Let others run, if this step has been long enough."""
        if perf_counter() - self._since >= STEP_S:
            await asyncio.sleep(0)
            self._since = perf_counter()


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, and let others run between them."""
    pace = Pace()
    for item in items:
        await pace.step()
        yield item


async def off_loop(size_bytes: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the result of the work on an input of that size: in a thread, if it is large."""
    if size_bytes < LARGE_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
