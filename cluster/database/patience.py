"""Work that waits while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseAway, OutcomeUnknown
from cluster.database.texts import comparable

T = TypeVar("T")

_FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0


async def patiently(
    work: Callable[[], Awaitable[T]],
    until: float,
    again: tuple[type[Exception], ...] = (DatabaseAway,),
) -> T:
    """Repeat work that raises one of `again`, and has done nothing then, until it is that time by
    the monotonic clock. Raises what it raised last, and `OutcomeUnknown` at once."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except OutcomeUnknown:
            raise
        except again:
            if monotonic() + pause_s > until:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class PatientReader:
    """Reads from the primary, each again until `patience_s` have passed."""

    def __init__(self, database: Database, patience_s: float) -> None:
        self._database = database
        self._patience_s = patience_s

    def until(self) -> float:
        """Return how long a read that begins now may wait, by the monotonic clock."""
        return monotonic() + self._patience_s

    async def read(
        self, read: Callable[[Connection], Awaitable[T]], until: float | None = None
    ) -> T:
        """Return what `read` returns; it changes nothing, and may be repeated. Raises
        `DatabaseAway` when the database was away for too long."""

        async def attempt() -> T:
            async with self._database.connection() as connection:
                found = await read(connection)
                await self._database.confirm(connection)
                return found

        return await patiently(attempt, self.until() if until is None else until)

    async def rows(self, sql: str, *values: Any, until: float | None = None) -> list[Any]:
        """Return the rows of one statement that changes nothing. Its texts may be what a client
        made up."""
        safe = [comparable(each) if isinstance(each, str) else each for each in values]

        async def fetch(connection: Connection) -> list[Any]:
            return await connection.fetch(sql, *safe)

        return await self.read(fetch, until)

    async def close(self) -> None:
        await self._database.close()
