"""Reading what was committed on other nodes a moment ago."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from cluster.coordination import Coordination
from storage.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

WITHIN_S = 1.0


class Latest:
    """Brings the node's replica up to date for many who ask at once, for one event loop. Between
    two rounds are `pause_s` at least."""

    def __init__(
        self, coordination: Coordination, *, pause_s: float = 0.0, within_s: float = WITHIN_S
    ) -> None:
        self._coordination = coordination
        self._pause_s = pause_s
        self._within_s = within_s
        self._one = asyncio.Lock()
        self._begun = self._done = 0
        self._free_s = 0.0

    async def wait(self) -> None:
        """Return when all is readable that was committed before the call. When the database does
        not answer in time, it is what was last known."""
        try:
            async with asyncio.timeout(self._within_s):
                await self._wait()
        except (TimeoutError, DatabaseUnavailable) as error:
            log.debug("the database has not been asked", extra={"problem": repr(error)})

    async def _wait(self) -> None:
        asked = self._begun
        async with self._one:
            # Another round may have begun, and ended, since.
            if self._done > asked:
                return
            await asyncio.sleep(self._free_s - monotonic())
            self._begun += 1
            number = self._begun
            await self._coordination.catch_up()
            self._done = number
            self._free_s = monotonic() + self._pause_s
