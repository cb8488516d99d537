"""Work on several things at once, with the outcomes in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_order(
    works: AsyncIterator[Coroutine[Any, Any, T]], most: int
) -> AsyncGenerator[T, None]:
    """Run so many at once, and yield what they return in their order. What one raises ends the
    others; when this is closed, nothing is left running."""
    running: deque[asyncio.Task[T]] = deque()
    try:
        async for work in works:
            running.append(asyncio.create_task(work))
            if len(running) >= most:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
