"""Following of the log of entries, by one process of each node.

A notification of the database only rings: what was changed is always read from the log, and once a
second also without a notification. Then the node writes to the database first. With a synchronous
standby, a server that is not the primary any more cannot commit that, so the replica is noted to
be current only where a commit was possible after the time that is noted.
"""

from __future__ import annotations

import asyncio
import logging

import asyncpg

from cluster.coordination.entry_log import catch_up, read_all
from cluster.coordination.replica import Replica
from cluster.database.connecting import translated
from cluster.database.errors import DatabaseError
from cluster.database.pooling import Direct
from cluster.database.primary import connect
from cluster.maintenance import StoppedWithin, stopped_before
from storage.errors import Corrupt, StorageError

log = logging.getLogger(__name__)

POLL_S = 1.0

_CHANNEL = "s3gw_entries"
# A server that does not commit, or does not send what was changed, for so long is given up.
_COMMIT_S, _READ_S = 5, 60
_RETRY_S = 0.25
_CHECKPOINT_S = 60
_NS = 1_000_000_000
_SEEN = """
INSERT INTO s3gw.replicas (node, revision, seen) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (node) DO UPDATE SET revision = excluded.revision, seen = excluded.seen
"""


class Follower:
    """Keeps the replica of a node up to date. `address` leads to the server itself: a pool of
    connections in between passes no notifications on, and leaves it to the poll."""

    def __init__(
        self, address: str, replica: Replica, node: str, *, poll_s: float = POLL_S
    ) -> None:
        self._address = address
        self._replica = replica
        self._node = node
        self._poll_ns = int(poll_s * _NS)
        self._bell = asyncio.Event()
        self._is_away = False
        self._polled_ns = 0
        self._checkpointed_ns = 0

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Follow the log until it is time to stop, over all losses of the database."""
        while True:
            try:
                with translated():
                    await self._follow(stopped_within)
                return
            except (DatabaseError, StorageError, asyncpg.PostgresError) as error:
                self._note_away(error)
            if await stopped_within(_RETRY_S):
                return

    def _note_away(self, error: Exception) -> None:
        """Log the first failure after a success."""
        if not self._is_away:
            problem = str(error) or type(error).__name__
            log.warning("the coordination store has no news", extra={"problem": problem})
        self._is_away = True

    async def _follow(self, stopped_within: StoppedWithin) -> None:
        connection = await connect(self._address)
        try:
            await connection.add_listener(_CHANNEL, self._ring)
            self._polled_ns = 0
            while True:
                wait_s = await self._round(connection)
                if await stopped_before(self._bell, wait_s, stopped_within):
                    return
        finally:
            connection.terminate()

    def _ring(self, *_: object) -> None:
        self._bell.set()

    async def _round(self, connection: Direct) -> float:
        """Apply what is new; return the seconds until the next poll."""
        started_ns = self._replica.now_ns()
        is_poll = started_ns - self._polled_ns >= self._poll_ns
        self._bell.clear()
        if is_poll:
            async with asyncio.timeout(_COMMIT_S):
                await connection.execute(_SEEN, self._node, self._replica.revision())
        async with asyncio.timeout(_READ_S):
            await self._apply(connection)
        if is_poll:
            self._polled_ns = started_ns
            self._replica.note_current(started_ns)
        self._is_away = False
        return max(self._polled_ns + self._poll_ns - self._replica.now_ns(), 0) / _NS

    async def _apply(self, connection: Direct) -> None:
        try:
            if not self._replica.is_damaged:
                await catch_up(connection, self._replica)
        except Corrupt:
            log.exception("the replica of the coordination store is damaged")
        if self._replica.is_damaged:
            await self._replica.replace(*await read_all(connection))
        now_ns = self._replica.now_ns()
        if now_ns - self._checkpointed_ns >= _CHECKPOINT_S * _NS:
            self._checkpointed_ns = now_ns
            await self._replica.checkpoint()
