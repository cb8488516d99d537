"""Requests of WebHDFS: their addresses, redirects, repetition, and the border for foreign errors.

A request goes to a namenode, `GET http://namenode:9870/webhdfs/v1/path?op=OPEN`, which answers it,
or redirects it to a datanode: reads and writes of content. Only the second request has the body,
and it waits for `100 Continue`.

Of several namenodes one is active, and the others say that they are not (`StandbyException`); the
one that answered last is asked first. A request is repeated when HDFS is too busy or fails, or the
connection does, after a time that doubles. One that is not to be done twice goes on only where
nothing was done. A datanode that cannot be reached is named to the namenode, which then chooses
another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from storage.backends.answers import import_connections
from storage.backends.hdfs.credentials import Credentials
from storage.backends.hdfs.foreign_errors import Standby, of_answer
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.place import Place
from storage.backends.hdfs.redirects import PREFIX, Redirects, origin_of
from storage.backends.sending import watched
from storage.errors import BackendDenied, BackendError, BackendUnavailable, StorageError
from storage.values import Body

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# HttpFS redirects to itself, a gateway before it may do so once more.
_MOST_REDIRECTS = 3
_LONGEST_ERROR = 64 << 10
# Metadata of an object are in the URL that writes them, and may be 16 KiB of base64.
_LONGEST_HEADER = 64 << 10
_LONGEST_WAIT_S = 10.0
# Larger answers are decoded in a thread.
_DECODED_INLINE = 32 << 10
# Of these a namenode that says so has done nothing.
_NOT_DONE = frozenset({"RetriableException", "SafeModeException", "ServerTooBusyException", "429"})


class Request(Struct, frozen=True):
    """One request about the path of a place. `body` is begun at most once. `once`: it is not to be
    done twice."""

    method: str
    op: str
    query: Mapping[str, str] = {}
    body: Body | None = None
    once: bool = False


class Service:
    """Belongs to one event loop of one process."""

    def __init__(self, options: HdfsOptions) -> None:
        self.options = options
        self._credentials = Credentials(options)
        self._redirects = Redirects(options)
        self._opening = asyncio.Lock()
        self._http: ModuleType | None = None
        self._sessions: tuple[ClientSession, ClientSession] | None = None
        self._resolver: Callable[[Redirects], object]
        # The namenode that answered last.
        self._active = ""

    async def send(self, place: Place, request: Request) -> bytes:
        """Return the body of a good answer, which is asked for once more if it broke off. Raise
        what `of_answer` says of another one."""
        try:
            return await self._read(place, request)
        except BackendUnavailable:
            if request.once:
                raise
        return await self._read(place, request)

    async def _read(self, place: Place, request: Request) -> bytes:
        response = await self.open(place, request)
        async with self.guarded(place), response:
            async with asyncio.timeout(self.options.read_timeout_s):
                return await response.read()

    async def ask(self, kind: type[T], place: Place, request: Request) -> T:
        """Return the JSON document of a good answer."""
        body = await self.send(place, request)
        try:
            if len(body) <= _DECODED_INLINE:
                return msgspec.json.decode(body, type=kind)
            return await asyncio.to_thread(msgspec.json.decode, body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            reason = "it is not what WebHDFS answers"
            raise BackendError(str(place), "InvalidResponse", reason) from None

    async def open(self, place: Place, request: Request) -> ClientResponse:
        """Return a good answer before its body was read; the holder closes it."""
        exchange = _Exchange(place, request)
        for number in range(1, self.options.attempts + 1):
            try:
                return await self._any_namenode(exchange)
            except _Repeatable as failure:
                if number == self.options.attempts or exchange.is_over(failure):
                    raise failure.error from None
            await asyncio.sleep(min(self.options.pause_s * 2 ** (number - 1), _LONGEST_WAIT_S))
        raise AssertionError("the last attempt returns or raises")

    async def _any_namenode(self, exchange: _Exchange) -> ClientResponse:
        if not self.options.namenodes:
            missing = "AIS_HDFS_URL or HADOOP_CONF_DIR must name the namenodes"
            raise BackendDenied(str(exchange.place), "NoNamenode", missing)
        namenodes = sorted(self.options.namenodes, key=lambda url: url != self._active)
        for namenode in namenodes:
            try:
                response = await self._attempt(namenode, exchange)
            except _Repeatable as failure:
                if namenode == namenodes[-1] or exchange.is_over(failure):
                    raise
                continue
            self._active = namenode
            return response
        raise AssertionError("the last namenode answers or raises")

    async def _attempt(self, namenode: str, exchange: _Exchange) -> ClientResponse:
        place, http = exchange.place, await self._connections()
        url = namenode
        try:
            url, response = await self._ask_namenode(namenode, exchange)
            is_redirected = False
            for _ in range(_MOST_REDIRECTS):
                if response.status not in _REDIRECTS:
                    break
                response.close()
                location = response.headers.get("location", "")
                url = self._redirects.target(url, location, place.path, str(place))
                is_redirected = True
                response = await self._request(url, exchange, with_body=True)
            if response.status < 300:
                if exchange.request.body is not None and not is_redirected:
                    response.close()
                    reason = "it takes content without a redirect, as WebHDFS does not"
                    raise BackendError(str(place), "InvalidResponse", reason)
                return response
            async with response, asyncio.timeout(self.options.read_timeout_s):
                body = await response.content.read(_LONGEST_ERROR)
        except http.FOREIGN as error:
            found = http.translated(error, place)
            if not isinstance(found, BackendUnavailable):
                raise found from None
            not_sent = http.is_not_sent(error)
            if not_sent and not self._redirects.is_namenode(url):
                exchange.unreachable.add(urlsplit(url).hostname or "")
            raise _Repeatable(found, not_done=not_sent) from None
        refused = of_answer(response.status, body, place)
        if isinstance(refused, BackendUnavailable):
            not_done = isinstance(refused, Standby) or refused.code in _NOT_DONE
            raise _Repeatable(refused, not_done=not_done)
        # A refusal is an answer too.
        self._active = namenode
        raise refused

    async def _ask_namenode(self, namenode: str, exchange: _Exchange) -> tuple[str, ClientResponse]:
        """Return the answer of a namenode, and the URL that it is of."""
        origin = origin_of(namenode)
        cookie = self._credentials.cookie(origin)
        url = await self._address(namenode, exchange)
        response = await self._request(url, exchange)
        if not self._credentials.wants_ticket(response.status, _challenges(response)):
            return url, response
        response.close()
        async with self._credentials.turn(origin):
            # Another request may have got a cookie meanwhile.
            if self._credentials.cookie(origin) == cookie:
                return await self._prove(namenode, exchange)
        url = await self._address(namenode, exchange)
        return url, await self._request(url, exchange)

    async def _prove(self, namenode: str, exchange: _Exchange) -> tuple[str, ClientResponse]:
        """Send a request with a ticket. Raise `BackendDenied`."""
        origin, subject = origin_of(namenode), str(exchange.place)
        host = urlsplit(namenode).hostname or ""
        negotiation, ticket = await self._credentials.begin(origin, host, subject)
        url = await self._address(namenode, exchange)
        response = await self._request(url, exchange, authorization=ticket)
        if response.status == 401:
            return url, response
        cookies = response.headers.getall("set-cookie", [])
        try:
            await self._credentials.end(
                origin, negotiation, _challenges(response), cookies, subject
            )
        except BaseException:
            response.close()
            raise
        return url, response

    async def _address(self, namenode: str, exchange: _Exchange) -> str:
        """Return the URL of the first request, to a namenode."""
        place, request = exchange.place, exchange.request
        who = await self._credentials.query(origin_of(namenode), str(place))
        query = {"op": request.op, **request.query, **who}
        if exchange.unreachable:
            query["excludedatanodes"] = ",".join(sorted(exchange.unreachable))
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return f"{namenode.rstrip('/')}{PREFIX}{quote(place.path, safe='/')}?{text}"

    async def _request(
        self, url: str, exchange: _Exchange, authorization: str = "", *, with_body: bool = False
    ) -> ClientResponse:
        http = await self._connections()
        is_namenode = self._redirects.is_namenode(url)
        headers = {"accept-encoding": "identity"}
        if authorization:
            headers["authorization"] = authorization
        elif is_namenode and (cookie := self._credentials.cookie(origin_of(url))):
            headers["cookie"] = cookie
        data: Body | None = None
        loop, limit_s = asyncio.get_running_loop(), self.options.read_timeout_s
        async with asyncio.timeout(limit_s) as limit:
            if with_body and exchange.request.body is not None:
                headers["content-type"] = "application/octet-stream"

                def begin() -> None:
                    exchange.is_begun = True
                    # While the body is sent, its source sets the pace.
                    limit.reschedule(None)

                data = watched(
                    exchange.request.body, begin, lambda: limit.reschedule(loop.time() + limit_s)
                )
            return await self._session(to_namenode=is_namenode).request(
                exchange.request.method,
                http.as_url(url),
                headers=headers,
                data=data,
                allow_redirects=False,
                expect100=data is not None,
            )

    def _session(self, *, to_namenode: bool) -> ClientSession:
        assert self._sessions is not None, "the connections are open"
        return self._sessions[0 if to_namenode else 1]

    async def _connections(self) -> ModuleType:
        """Return the module that knows the HTTP client; both sessions are open then."""
        async with self._opening:
            if self._http is None:
                http, self._resolver = await asyncio.to_thread(_import)
                self._http = http
            else:
                http = self._http
            if self._sessions is None:
                options = self.options
                limits = options.connections, options.connect_timeout_s, _LONGEST_HEADER
                resolver = self._resolver(self._redirects)
                opened = http.open_session(*limits), http.open_session(*limits, resolver)
                self._sessions = opened
            return http

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
        sessions, self._sessions = self._sessions, None
        for session in sessions or ():
            await session.close()


class _Exchange:
    """A request under way: the datanodes that could not be reached, and whether its body is begun,
    which cannot be sent again."""

    def __init__(self, place: Place, request: Request) -> None:
        self.place = place
        self.request = request
        self.unreachable: set[str] = set()
        self.is_begun = False

    def is_over(self, failure: _Repeatable) -> bool:
        """Whether the failure is the end of it."""
        return self.is_begun or (self.request.once and not failure.not_done)


class _Repeatable(Exception):
    """A failure that may be over at the next attempt; `not_done`: nothing was done."""

    def __init__(self, error: StorageError, *, not_done: bool = False) -> None:
        super().__init__()
        self.error = error
        self.not_done = not_done


def _challenges(response: ClientResponse) -> list[str]:
    return response.headers.getall("www-authenticate", [])


def _import() -> tuple[ModuleType, Callable[[Redirects], object]]:
    from storage.backends.hdfs.resolver import DatanodeResolver

    return import_connections(), DatanodeResolver
