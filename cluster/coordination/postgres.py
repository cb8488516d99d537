"""Coordination for a cluster: written to PostgreSQL, read from the node's replica.

A transaction compares and writes under one lock of the database. Then the process brings the
replica of its node up to date, so that what it wrote, or what was in its way, is read by all
processes of the node. On other nodes the process that follows the log does that (`following`).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

from msgspec import Struct

from cluster.coordination import (
    KEPT_REVISIONS,
    Change,
    Delete,
    Entry,
    Put,
    Unchanged,
    check_transaction,
)
from cluster.coordination.entry_log import catch_up
from cluster.coordination.replica import CURRENT_S, Replica
from cluster.database.committing import commit
from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseAway, DatabaseError
from cluster.database.patience import patiently
from storage.errors import Corrupt, DatabaseUnavailable

# How long a transaction waits for the database.
PATIENCE_S = 40.0
_CHANGE = """
SELECT is_known, done, latest, written
FROM s3gw.change_entries_1($1, $2, $3, $4, $5, $6, $7)
"""

T = TypeVar("T")


class _Outcome(Struct, frozen=True):
    """`revision` is the latest one then, also where a comparison failed."""

    is_known: bool
    done: bool
    revision: int


class PostgresCoordination:
    """One process's access to the cluster's store, for one event loop; closes neither the database
    nor the replica. All methods raise the replica's errors, and `DatabaseUnavailable`."""

    def __init__(
        self,
        database: Database,
        replica: Replica,
        *,
        kept_revisions: int = KEPT_REVISIONS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database = database
        self._replica = replica
        self._kept = kept_revisions
        self._patience_s = patience_s

    def revision(self) -> int:
        return self._replica.revision()

    def require_current(self) -> None:
        if not self._replica.is_current():
            raise DatabaseUnavailable(f"no news from the database for {CURRENT_S} s")

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        return await self._replica.range(prefix)

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        return await self._replica.changes(prefix, after)

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        """Also where nothing is done, the node's replica has what was compared with. Raises
        `ValueError` for a transaction that is too large, and `DatabaseUnavailable`: then it may
        have been done."""
        check_transaction(writes)
        until = monotonic() + self._patience_s
        while True:
            outcome = await _patiently(lambda: self._attempt(unchanged, writes, until), until)
            await self.catch_up(until)
            if outcome.is_known:
                return outcome.revision if outcome.done else None

    async def catch_up(self, until: float | None = None) -> None:
        """Bring the node's replica up to date; `until` is when to give up, by the monotonic
        clock."""
        limit = monotonic() + self._patience_s if until is None else until
        await _patiently(self._catch_up, limit)

    async def checkpoint(self) -> None:
        """Write the replica's log into its file, and cut it off."""
        await self._replica.checkpoint()

    async def _catch_up(self) -> None:
        async with self._database.connection() as connection:
            await catch_up(connection, self._replica)

    async def _attempt(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete], until: float
    ) -> _Outcome:
        known = await self._replica.position()
        outcomes: list[_Outcome] = []

        async def work(connection: Connection) -> bool:
            found: Any = await connection.fetchrow(
                _CHANGE,
                [each.key.encode() for each in unchanged],
                [each.mod_revision for each in unchanged],
                [each.key.encode() for each in writes],
                [each.value if isinstance(each, Put) else None for each in writes],
                known.revision,
                uuid.UUID(bytes=known.write) if known.write else None,
                self._kept,
            )
            outcomes.append(_Outcome(found["is_known"], found["done"], found["latest"]))
            return bool(found["written"])

        await commit(self._database, work, until)
        return outcomes[-1]


async def _patiently(work: Callable[[], Awaitable[T]], until: float) -> T:
    """Repeat the work while the database is away, or the replica is being replaced. Raises
    `DatabaseUnavailable`."""
    try:
        return await patiently(work, until, (DatabaseAway, Corrupt))
    except DatabaseError as error:
        raise DatabaseUnavailable(str(error)) from error
