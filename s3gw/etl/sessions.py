"""HTTP clients for transformers: of this machine, and at addresses of others.

Those of this machine are at loopback addresses that the server itself chose. A URL that was named
may be at any address, so the rules of `outbound.allow` are applied to it. aiohttp is imported when
the first transformer is talked to.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from s3gw.etl.runtime import HOST
from s3gw.outbound.addresses import Allowed
from s3gw.outbound.fetch import Fetch, OutboundError
from s3gw.outbound.later import LaterClient

if TYPE_CHECKING:
    import aiohttp

_HEALTH_BYTES = 64 << 10
_HEALTH_S = 5.0


class Sessions:
    """For one event loop. `named`: the URL comes from a message. How many connections there are is
    bounded by those who use them."""

    def __init__(self, allowed: Allowed) -> None:
        here = Allowed(networks=(ipaddress.ip_network(HOST),))
        self._here = LaterClient(here, connections=0)
        self._elsewhere = LaterClient(allowed, connections=0)

    async def open(self, url: str, *, named: bool) -> aiohttp.ClientSession:
        """Return the session for a transformer's URL."""
        outbound = await (self._elsewhere if named else self._here).open()
        return outbound.session_for(urlsplit(url).hostname or "")

    async def problem(self, url: str, *, named: bool) -> str:
        """Return why it does not answer `/health` with 200; empty when it does."""
        outbound = await (self._elsewhere if named else self._here).open()
        wanted = Fetch(f"{url}/health", timeout_s=_HEALTH_S, max_redirects=0)
        try:
            answer = await outbound.get(wanted, limit_bytes=_HEALTH_BYTES)
        except OutboundError as error:
            return str(error)
        return "" if answer.status == 200 else f"{url}/health has answered with {answer.status}"

    async def aclose(self) -> None:
        await asyncio.gather(self._here.aclose(), self._elsewhere.aclose())
