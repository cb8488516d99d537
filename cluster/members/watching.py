"""Watch over the news of nodes, by the node that leads.

Every node writes a row each second (`cluster.coordination.following`); how old it is the database
says, by its clock. Without news for ten seconds a node is missing, after ten minutes it is not in
the map any more. After an outage the news of all nodes are old: who did not look in that time
either waits until they had the time to write.
"""

from __future__ import annotations

import logging
from typing import Any

import asyncpg

from cluster.coordination.node_note import BootClock, boot_clock
from cluster.database.connecting import Database
from cluster.database.errors import DatabaseError
from cluster.maintenance import StoppedWithin
from cluster.members.nodes import Members
from storage.errors import StorageError

log = logging.getLogger(__name__)

MISSING_S, GONE_S = 10.0, 600.0
LOOK_S = 1.0

# A longer time between two looks is an outage: of the database, or of this process.
_OUTAGE_S = 3.0
_NS = 1_000_000_000
_AGES = """
SELECT node, extract(epoch FROM clock_timestamp() - seen)::float8 AS age FROM s3gw.replicas
"""
_FORGET = """
DELETE FROM s3gw.replicas WHERE seen < clock_timestamp() - make_interval(secs => $1)
"""


class Watch:
    """The work of the leader for the map of the cluster; `run` may be called again after each
    time that the node leads."""

    def __init__(
        self,
        database: Database,
        members: Members,
        node: str,
        *,
        look_s: float = LOOK_S,
        now_ns: BootClock = boot_clock,
    ) -> None:
        self._database = database
        self._members = members
        self._node = node
        self._look_s = look_s
        self._now_ns = now_ns
        self._since_ns = 0
        self._looked_ns = 0
        self._unheard: dict[str, int] = {}
        self._is_away = False

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Note that this node leads, and mark the others by their news, until it is time to
        stop."""
        self._looked_ns = 0
        while True:
            await self._attempt()
            if await stopped_within(self._look_s):
                return

    async def _attempt(self) -> None:
        try:
            await self._members.lead(self._node)
            await self.look()
        except (DatabaseError, StorageError, asyncpg.PostgresError) as error:
            if not self._is_away:
                problem = str(error) or type(error).__name__
                log.warning("the nodes cannot be watched", extra={"problem": problem})
            self._is_away = True
            return
        self._is_away = False

    async def look(self) -> None:
        """Look once at the news of all nodes, and mark what has changed."""
        ages = await self._ages()
        now_ns = self._now_ns()
        if now_ns - self._looked_ns > (self._look_s + _OUTAGE_S) * _NS or not self._looked_ns:
            self._since_ns = now_ns
        self._looked_ns = now_ns
        nodes = (await self._members.refresh()).nodes
        self._unheard = {
            node.name: self._unheard.get(node.name, now_ns)
            for node in nodes
            if node.name not in ages
        }
        has_watched = now_ns - self._since_ns >= MISSING_S * _NS
        age_of = ages | {name: (now_ns - at) / _NS for name, at in self._unheard.items()}
        silent = {node.name for node in nodes if age_of[node.name] > MISSING_S}
        missing = frozenset(
            node.name for node in nodes if node.name in silent and (node.is_missing or has_watched)
        )
        gone = frozenset(name for name in missing if has_watched and age_of[name] > GONE_S)
        self._note(frozenset(node.name for node in nodes if node.is_missing), missing, gone)
        await self._members.mark(missing=missing, gone=gone)
        if has_watched and any(age > GONE_S for age in ages.values()):
            async with self._database.connection() as connection:
                await connection.execute(_FORGET, GONE_S)

    async def _ages(self) -> dict[str, float]:
        """Return how old the news of each node are, in seconds."""
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(_AGES)
        return {row["node"]: row["age"] for row in rows}

    def _note(self, before: frozenset[str], missing: frozenset[str], gone: frozenset[str]) -> None:
        for name in sorted(missing - before):
            log.warning("node is missing: no news from it", extra={"node": name})
        for name in sorted(before - missing):
            log.info("node is back", extra={"node": name})
        for name in sorted(gone):
            log.warning("node is not in the map any more", extra={"node": name})
