"""Client that is opened at its first request, as aiohttp takes long to import."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from s3gw.outbound.fetch import CONNECTIONS

if TYPE_CHECKING:
    from s3gw.outbound.addresses import Allowed
    from s3gw.outbound.client import Outbound


class LaterClient:
    """For one event loop; `connections` are the most that are open, 0 for no limit."""

    def __init__(self, allowed: Allowed, *, connections: int = CONNECTIONS) -> None:
        self._allowed = allowed
        self._connections = connections
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._outbound: Outbound | None = None

    async def open(self) -> Outbound:
        """Return the client, the same one each time."""
        if self._outbound is not None:
            return self._outbound
        async with self._opening:
            if self._outbound is None:
                client: Any = await asyncio.to_thread(_import_client)
                opened: Outbound = client.Outbound(self._allowed, connections=self._connections)
                self._outbound = await self._stack.enter_async_context(opened)
            return self._outbound

    async def aclose(self) -> None:
        await self._stack.aclose()
        self._outbound = None


def _import_client() -> Any:
    from s3gw.outbound import client

    return client
