"""Starting alone: what only the first machine of a cluster makes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType

from cluster.database.connecting import Database

_LOCK = 0x7333_6778
# What is made meanwhile are keys, and a few entries.
_LONGEST_S = 120.0


class Alone:
    """A lock of the database, for a process without an event loop: others wait for it."""

    def __init__(self, address: str) -> None:
        self._database = Database(address, connections=1)
        self._runner = asyncio.Runner()
        self._held = AsyncExitStack()

    def __enter__(self) -> None:
        """Raises `DatabaseAway`."""
        self._runner.run(self._lock())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._runner.run(self._unlock())
        finally:
            self._runner.close()

    async def _lock(self) -> None:
        connection = await self._held.enter_async_context(self._database.connection(_LONGEST_S))
        await self._held.enter_async_context(connection.transaction())
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)

    async def _unlock(self) -> None:
        await self._held.aclose()
        await self._database.close()
