"""One storage account: its requests, their repetition, and the border for foreign errors.

A request is repeated when Azure is too busy or fails, or the connection does, after a random time
that doubles. One that is not to be done twice, as a write with a condition, is repeated only when
Azure refused it for its load: any other failure may have come after it was done.
"""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from types import ModuleType
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import quote

from msgspec import Struct

from storage.backends.answers import import_connections, lower_case
from storage.backends.azure.credentials import Credentials
from storage.backends.azure.foreign_errors import of_answer
from storage.backends.azure.names import check_container, check_place
from storage.backends.azure.options import AzureOptions
from storage.backends.azure.place import Place
from storage.errors import BackendDenied, BackendUnavailable, StorageError
from storage.values import Body

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

T = TypeVar("T")

# The first version that lists from a name on (`startFrom`).
_VERSION = "2026-02-06"
_REPEATED = frozenset([408, 429, 500, 502, 503, 504])
_SHORTEST_WAIT_S = 0.25
_LONGEST_WAIT_S = 20.0
_LONGEST_ERROR = 64 << 10
# All metadata of a blob are 8 KiB at most, one of them may be most of that.
_LONGEST_HEADER = 32 << 10
# The time limit of an answer is again as long for so many bytes that go before it.
_SENT_IN_TIME = 8 << 20


class Request(Struct, frozen=True):
    """One request. `headers` have names in lower case; `content` gives its body, of `size` bytes,
    and is called each time it is sent."""

    method: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    content: Callable[[], bytes | Body] | None = None
    size: int = 0
    once: bool = False


class Answer(Struct, frozen=True):
    """A whole answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Service:
    """Belongs to one event loop of one process."""

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self._credentials = Credentials(options)
        self._opening = asyncio.Lock()
        self._http: ModuleType | None = None
        self._session: ClientSession | None = None

    async def send(self, place: Place, request: Request) -> Answer:
        """Return a good answer with its body. Raise what `of_answer` says of another one."""

        async def whole() -> Answer:
            response = await self._attempt(place, request)
            try:
                async with self.guarded(place), response:
                    async with asyncio.timeout(self.options.read_timeout_s):
                        body = await response.read()
            except BackendUnavailable as error:
                raise _Repeatable(error) from None
            return Answer(response.status, lower_case(response), body)

        return await self._repeated(place, request, whole)

    async def open(self, place: Place, request: Request) -> ClientResponse:
        """Return a good answer before its body was read; the holder closes it."""
        return await self._repeated(place, request, lambda: self._attempt(place, request))

    async def _repeated(
        self, place: Place, request: Request, attempt: Callable[[], Awaitable[T]]
    ) -> T:
        if place.name:
            check_place(place)
        elif place.bucket:
            check_container(place.bucket)
        attempts = self.options.attempts
        for number in range(1, attempts + 1):
            try:
                return await attempt()
            except _Repeatable as failure:
                if number == attempts or (request.once and not failure.refused):
                    raise failure.error from None
                await asyncio.sleep(_wait_s(number, failure.after_s))
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, place: Place, request: Request) -> ClientResponse:
        session, http = await self._opened(place)
        try:
            async with asyncio.timeout(self._time_for(request)):
                response = await self._request(session, http, place, request)
                if response.status < 300:
                    return response
                async with response:
                    body = await _read_some(response)
        except http.FOREIGN as error:
            found = http.translated(error, place)
            if isinstance(found, BackendUnavailable):
                raise _Repeatable(found) from None
            raise found from None
        headers = lower_case(response)
        found = of_answer(response.status, headers, body, place)
        if response.status in _REPEATED:
            after, refused = headers.get("retry-after", ""), _is_refused(response.status, found)
            raise _Repeatable(found, after, refused=refused)
        raise found

    async def _request(
        self, session: ClientSession, http: ModuleType, place: Place, request: Request
    ) -> ClientResponse:
        url, path = self._address(place)
        headers = {
            **request.headers,
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": _VERSION,
        }
        data: IO[bytes] | Body | None = None
        if request.method == "PUT":
            headers["content-length"] = str(request.size)
            content = request.content() if request.content else b""
            # As a file it is written piece by piece.
            data = io.BytesIO(content) if isinstance(content, bytes) else content
        query, headers = await self._credentials.proven(
            place, request.method, path, request.query, headers
        )
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return await session.request(
            request.method,
            http.as_url(f"{url}?{text}" if text else url),
            headers=headers,
            data=data,
            allow_redirects=False,
        )

    def _address(self, place: Place) -> tuple[str, str]:
        """The URL of a request without its query, and the path of that."""
        path = "".join(f"/{quote(part, safe='/~')}" for part in (place.bucket, place.name))
        url = self.options.url + (path if place.name else path.rstrip("/") or "/")
        return url, "/" + url.split("/", 3)[3]

    def _time_for(self, request: Request) -> float:
        return self.options.read_timeout_s * (1 + request.size // _SENT_IN_TIME)

    async def _opened(self, place: Place) -> tuple[ClientSession, ModuleType]:
        if self._session is None or self._http is None:
            if not self.options.url:
                missing = "AZURE_STORAGE_ACCOUNT or an endpoint must be set"
                raise BackendDenied(str(place), "NoAccount", missing)
            async with self._opening:
                if self._http is None:
                    self._http = await asyncio.to_thread(import_connections)
                if self._session is None:
                    options = self.options
                    self._session = self._http.open_session(
                        options.connections, options.connect_timeout_s, _LONGEST_HEADER
                    )
        return self._session, self._http

    @asynccontextmanager
    async def guarded(self, place: Place) -> AsyncIterator[None]:
        """A block whose foreign errors leave it as those of storage; the session is open."""
        assert self._http is not None, "an answer comes from a session"
        try:
            yield
        except self._http.FOREIGN as error:
            raise self._http.translated(error, place) from None

    async def aclose(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._credentials.aclose()


class _Repeatable(Exception):
    """A failure that may be over at the next attempt; `refused`: nothing was done."""

    def __init__(self, error: StorageError, after: str = "", *, refused: bool = False) -> None:
        super().__init__()
        self.error = error
        self.refused = refused
        self.after_s = float(after) if after.isdecimal() else 0.0


async def _read_some(response: ClientResponse) -> bytes:
    """The body of an error, or the beginning of a long one."""
    body = b""
    async for block in response.content.iter_any():
        body += block
        if len(body) > _LONGEST_ERROR:
            break
    return body


def _is_refused(status: int, error: StorageError) -> bool:
    is_busy = isinstance(error, BackendUnavailable) and error.code == "ServerBusy"
    return status == 429 or is_busy


def _wait_s(attempt: int, after_s: float) -> float:
    random_s = random.random() * _SHORTEST_WAIT_S * 2.0**attempt
    return min(max(random_s, after_s), _LONGEST_WAIT_S)
