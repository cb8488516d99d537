"""The web as storage reads it, under the rules for addresses of others.

aiohttp is imported at the first question: a server that asks none does not pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from s3gw.outbound.addresses import Allowed
from s3gw.outbound.fetch import Fetch, OutboundError, Refused
from s3gw.outbound.later import LaterClient
from storage.backends.http import Question
from storage.errors import AddressRefused, BackendUnavailable

if TYPE_CHECKING:
    import aiohttp


_MOST_REDIRECTS = 10


class GuardedWeb:
    """For one event loop. One question may take as long as it likes: each wait is bounded."""

    def __init__(self, allowed: Allowed) -> None:
        self._client = LaterClient(allowed)

    async def ask(self, question: Question) -> GuardedAnswer:
        outbound = await self._client.open()
        wanted = Fetch(
            question.url,
            question.method,
            question.headers,
            timeout_s=None,
            idle_s=question.idle_s,
            max_redirects=_MOST_REDIRECTS,
            as_sent=True,
            origin_headers=question.origin_headers,
        )
        try:
            return GuardedAnswer(question, await outbound.ask(wanted))
        except Refused as error:
            raise AddressRefused(question.subject, "Refused", str(error)) from None
        except OutboundError as error:
            raise BackendUnavailable(question.subject, "Unreachable", str(error)) from None

    async def aclose(self) -> None:
        await self._client.aclose()


class GuardedAnswer:
    def __init__(self, question: Question, response: aiohttp.ClientResponse) -> None:
        self._question = question
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.lower(): value.encode("ascii", "replace").decode()
            for name, value in response.headers.items()
        }

    async def read(self, most: int) -> bytes:
        from aiohttp import ClientError

        try:
            return await self._response.content.read(most)
        except TimeoutError:
            raise BackendUnavailable(self._question.subject, "Timeout") from None
        except (ClientError, OSError) as error:
            code = type(error).__name__
            raise BackendUnavailable(self._question.subject, "IncompleteBody", code) from None

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()
