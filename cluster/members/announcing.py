"""Announcement of a node in the map, while its server runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from cluster.database.errors import DatabaseError
from cluster.maintenance import StoppedWithin
from cluster.members.nodes import Members, NodeFacts
from storage.errors import StorageError

log = logging.getLogger(__name__)

_LOOK_S = 1.0
# A database that is away must not keep the process from stopping.
_ANNOUNCE_S, _WITHDRAW_S = 5.0, 3.0


class Announcement:
    """Run by one process of the node, for one event loop."""

    def __init__(self, members: Members, name: str, facts: NodeFacts) -> None:
        self._members = members
        self._name = name
        self._facts = facts
        self._is_away = False

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Announce the node, again whenever it was taken out of the map, until it is time to stop;
        then withdraw it. While the database is away, the others see that it is missing."""
        while True:
            await self._announce()
            if await stopped_within(_LOOK_S):
                break
        await self._withdraw()

    async def _announce(self) -> None:
        problem = await _within(_ANNOUNCE_S, self._members.announce(self._name, self._facts))
        if problem and not self._is_away:
            log.warning("this node cannot be announced", extra={"problem": problem})
        self._is_away = bool(problem)

    async def _withdraw(self) -> None:
        """If it fails, the leader takes the node out of the map when it has been missing for
        long."""
        if problem := await _within(_WITHDRAW_S, self._members.withdraw(self._name)):
            log.warning("this node cannot be withdrawn", extra={"problem": problem})


async def _within(seconds: float, change: Coroutine[Any, Any, None]) -> str:
    """Make the change; return what was in its way, empty after a success."""
    try:
        async with asyncio.timeout(seconds):
            await change
    except (TimeoutError, DatabaseError, StorageError) as error:
        return str(error) or "the database did not answer in time"
    return ""
