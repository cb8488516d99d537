"""How long one step of the event loop takes, in CPU time of its thread."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Probe:
    """Looks at the clock between all steps of its loop. `longest_ms` is the most CPU time that the
    loop's thread took between two looks; time in which it waits, or another thread works, does not
    count."""

    longest_ms: float = 0.0
    _last: float = 0.0
    _on: bool = False
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    async def begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.longest_ms, self._on = 0.0, True
        self._last = time.thread_time()
        self._loop.call_soon(self._look)

    async def end(self) -> float:
        self._on = False
        return self.longest_ms

    def _look(self) -> None:
        now = time.thread_time()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000)
        self._last = now
        if self._on and self._loop is not None:
            self._loop.call_soon(self._look)
