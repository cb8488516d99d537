"""Requests to the other machines of the cluster, by the URLs that they announce.

Those who announce are members, so their addresses may be private. aiohttp is imported at the first
request. An https URL needs a certificate that the system trusts, or that of this server itself.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from msgspec.structs import replace

from s3gw.outbound.addresses import Allowed
from s3gw.outbound.fetch import Fetch, Fetched, OutboundError
from s3gw.outbound.later import LaterClient

_EVERY_ADDRESS = Allowed.parse(("0.0.0.0/0", "::/0"))


class PeerClient:
    """For one event loop; `certificate` is the server's own, None where it speaks plain http."""

    def __init__(self, certificate: Path | None = None) -> None:
        self._certificate = certificate
        self._client = LaterClient(_EVERY_ADDRESS)
        self._tls: ssl.SSLContext | None = None

    async def get(self, wanted: Fetch, *, limit_bytes: int) -> Fetched:
        """Send the request and return the answer, with any status. Raises `OutboundError`."""
        outbound = await self._client.open()
        if self._certificate is not None and self._tls is None:
            self._tls = await asyncio.to_thread(_trusting, self._certificate)
        return await outbound.get(replace(wanted, tls=self._tls), limit_bytes=limit_bytes)

    async def aclose(self) -> None:
        await self._client.aclose()


def _trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(certificate)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
        raise OutboundError(f"{certificate} cannot be read: {reason}") from None
    return context
