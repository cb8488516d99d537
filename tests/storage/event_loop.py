"""One event loop for all synchronous tests, so that a backend may keep tasks between calls."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_RUNNER = asyncio.Runner()
atexit.register(_RUNNER.close)

_LONGEST_CALL_S = 30


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; a call that hangs fails its test instead of stopping the run."""
    return _RUNNER.run(_bounded(work))


async def _bounded(work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(_LONGEST_CALL_S):
        return await work
