"""HTTP targets for events: one POST for each, accepted by any 2xx.

The address comes from the operator, so it may be a private one; a redirect comes from someone else,
and counts as a failure.
"""

from __future__ import annotations

import aiohttp
from msgspec import Struct

from s3gw.events.delivery import Undelivered

# Bytes read of an answer, so that the connection can be used again.
_MOST_OF_ANSWER = 64 << 10


class Webhook(Struct, frozen=True):
    """`authorization` is the whole value of the header; empty to omit it."""

    session: aiohttp.ClientSession
    url: str
    authorization: str
    timeout_s: float

    async def send(self, body: bytes) -> None:
        """Send one event. Raises `Undelivered`: the event may have arrived all the same."""
        headers = {"Content-Type": "application/json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        try:
            async with self.session.post(
                self.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.content.read(_MOST_OF_ANSWER)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Undelivered(type(error).__name__) from error
        if not 200 <= status < 300:
            raise Undelivered(f"status {status}")
