"""HTTP requests to Cloud Storage, over aiohttp.

What is safe is repeated, with growing pauses, when the service is busy or cannot be reached: all
that changes nothing or ends the same twice. What is not (`Request.repeats`) is sent again only if
the service cannot have done it: no connection came about, or it was refused by 429 before anything
else. A token that is refused is fetched again, once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

import aiohttp
from msgspec import Struct
from yarl import URL

from storage.backends.gcp.credentials import Tokens
from storage.backends.gcp.facts import bucket_path
from storage.backends.gcp.foreign_errors import FOREIGN, Refusal, refusal, translated
from storage.backends.gcp.options import GcpOptions
from storage.backends.gcp.place import Place
from storage.errors import BackendError, BackendUnavailable, StorageError

__all__ = ["FOREIGN", "Wire", "translated"]

_LONGEST_PAUSE_S = 20.0
# Completing an upload takes minutes if it is large.
_SLOW_S = 600.0
# Of an answer that is not the body of an object: a page of a listing takes some hundred KiB.
_MOST_ANSWERED = 64 << 20
_MOST_OF_AN_ERROR = 64 << 10
_SENT_AT_ONCE = 256 << 10
_NOTHING: Mapping[str, str] = MappingProxyType({})

# Gives the body of a request from its beginning, each time that it is sent.
Pieces = Callable[[], AsyncIterator[bytes | memoryview]]


class Request(Struct, frozen=True):
    """One request: `path` is percent-encoded, or the whole URL of an upload that needs no token.
    `accepted` are the statuses of good answers beside 2xx; a `slow` one has ten minutes."""

    method: str
    path: str
    params: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING
    body: bytes | Pieces | None = None
    repeats: bool = True
    accepted: tuple[int, ...] = ()
    slow: bool = False


class Answer(Struct, frozen=True):
    """A good answer that was read whole; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Wire:
    """The connections of one endpoint, on one event loop. Bodies that are read have connections of
    their own: all of them could be waiting for an answer about something else."""

    def __init__(self, options: GcpOptions) -> None:
        self._options = options
        self.tokens = Tokens(anonymous=options.anonymous)
        self._calls = _session(options)
        self._bodies = _session(options)

    async def aclose(self) -> None:
        await self._calls.close()
        await self._bodies.close()

    async def call(self, request: Request, place: Place) -> Answer:
        """Send a request and read its answer. Raises errors of storage."""
        response, content = await self._send(self._calls, request, place, whole=True)
        return Answer(response.status, _headers(response), content)

    async def open(self, request: Request, place: Place) -> aiohttp.ClientResponse:
        """Send a request for a body; the caller closes the answer. Raises errors of storage."""
        response, _ = await self._send(self._bodies, request, place, whole=False)
        return response

    async def _send(
        self, session: aiohttp.ClientSession, request: Request, place: Place, *, whole: bool
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        attempt, renewed = 1, False
        while True:
            after = ""
            try:
                tokens, response = await self._send_once(session, request)
                good = response.status < 300 or response.status in request.accepted
                if good and not whole:
                    return response, b""
                content = await self._read(response, request, good=good)
                if good:
                    return response, content
            except FOREIGN as error:
                failure = translated(error, place)
                safe = request.repeats or isinstance(error, aiohttp.ClientConnectorError)
            else:
                if response.status == 401 and not renewed and self.tokens.expire(tokens):
                    renewed = True
                    continue
                anonymous = self.tokens.are_anonymous
                found = refusal(response.status, content, place, anonymous=anonymous)
                failure = await self._clear(found, place)
                safe = request.repeats or response.status == 429
                after = response.headers.get("retry-after", "")
            again = isinstance(failure, BackendUnavailable) and safe
            if not again or attempt >= self._options.attempts:
                raise failure
            await self.pause(attempt, after)
            attempt += 1

    async def _send_once(
        self, session: aiohttp.ClientSession, request: Request
    ) -> tuple[dict[str, str], aiohttp.ClientResponse]:
        """Return the headers that authorized the request, and the answer."""
        is_url = request.path.startswith(("http://", "https://"))
        tokens = {} if is_url else await self.tokens.headers()
        url = request.path if is_url else self._options.endpoint + request.path
        if request.params:
            url += "?" + "&".join(_param(*each) for each in request.params.items())
        headers, body = {**request.headers, **tokens}, request.body
        if body is None and request.method in ("POST", "PUT"):
            headers["content-length"] = "0"
        elif isinstance(body, bytes):
            headers["content-length"] = str(len(body))
            body = _pieces(body)
        response = await session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=None if body is None else body(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=self._options.connect_timeout_s,
                sock_read=self._patience_s(request),
            ),
        )
        return tokens, response

    def _patience_s(self, request: Request) -> float:
        return max(self._options.read_timeout_s, _SLOW_S if request.slow else 0.0)

    async def _read(
        self, response: aiohttp.ClientResponse, request: Request, *, good: bool
    ) -> bytes:
        """Read the body as far as it is of use. Raises `TimeoutError` for one that dawdles."""
        most = _MOST_ANSWERED if good else _MOST_OF_AN_ERROR
        content = bytearray()
        async with response, asyncio.timeout(self._patience_s(request)):
            async for block in response.content.iter_any():
                content += block
                if len(content) > most:
                    response.close()
                    break
        return bytes(content)

    async def pause(self, attempt: int, after: str = "") -> None:
        """Wait as long as the answer wants, or at random up to twice as long each time."""
        longest_s = self._options.first_pause_s * 2.0 ** (attempt - 1)
        pause_s = random.random() * longest_s
        if after.isascii() and after.isdecimal():
            pause_s = float(after)
        await asyncio.sleep(min(pause_s, _LONGEST_PAUSE_S))

    async def _clear(self, found: Refusal, place: Place) -> StorageError:
        """Some servers do not say whether it is the object that is missing, or its bucket."""
        if not found.is_vague:
            return found.error
        look = Request("GET", bucket_path(place.bucket), {"fields": "name"})
        try:
            await self.call(look, Place(place.bucket))
        except BackendError:
            pass
        except StorageError as error:
            return error
        return found.error


def _param(name: str, value: str) -> str:
    """The XML API's requests have some without a value."""
    return f"{name}={quote(value, safe='')}" if value else name


def _session(options: GcpOptions) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=options.connections),
        # Objects that are stored compressed are passed on as they are.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("accept-encoding", "content-type"),
        headers={"user-agent": "s3gw"},
        trust_env=True,
    )


def _pieces(content: bytes) -> Pieces:
    async def pieces() -> AsyncIterator[bytes | memoryview]:
        view = memoryview(content)
        for start in range(0, len(content), _SENT_AT_ONCE):
            yield view[start : start + _SENT_AT_ONCE]

    return pieces


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Of several headers of one name all count."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers
