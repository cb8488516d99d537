"""Requests to attached clusters: their URLs, redirects, repetition, and foreign errors.

A gateway of AIStore answers with a redirect to the node that has the object. Only nodes of the
cluster's own map are followed, so that the token goes nowhere else; the map is read before the
first request to a URL, and says whether that is the cluster it should be.

A request that changes something is sent to another URL only if nothing of it was sent. A body waits
for `100 Continue`, which only the node sends that reads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from msgspec import Struct

from storage.backends.ais.clusters import Cluster, Clusters
from storage.backends.ais.foreign_errors import of_answer
from storage.backends.ais.options import AisOptions
from storage.backends.ais.place import Place
from storage.backends.answers import import_connections, lower_case
from storage.backends.sending import watched
from storage.errors import BackendError, BackendUnavailable, StorageError
from storage.values import Body

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_REDIRECTS = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS = 2
_LONGEST_ERROR = 64 << 10
_LONGEST_HEADER = 64 << 10
_LONGEST_WAIT_S = 10.0
_SMAP = {"what": "smap"}


class Request(Struct, frozen=True):
    """One request. `path` follows `/v1/` and is percent-encoded; a `message` is sent as JSON,
    `body` as it comes, of `size` bytes if that is known. `once`: it changes something."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    message: Any = None
    body: Body | None = None
    size: int | None = None
    once: bool = False


class Answer(Struct, frozen=True):
    """A whole answer."""

    headers: Mapping[str, str]
    body: bytes


class _Node(Struct, frozen=True):
    direct_url: str = ""


class _Snode(Struct, frozen=True):
    public_net: _Node = _Node()
    intra_control_net: _Node = _Node()
    intra_data_net: _Node = _Node()

    def origins(self) -> Iterator[str]:
        for net in (self.public_net, self.intra_control_net, self.intra_data_net):
            yield net.direct_url.rstrip("/")


class Smap(Struct, frozen=True):
    """What is read of a cluster's map; `raw` is all of it."""

    uuid: str
    pmap: dict[str, _Snode] = {}
    tmap: dict[str, _Snode] = {}
    raw: msgspec.Raw = msgspec.Raw(b"")

    @property
    def origins(self) -> frozenset[str]:
        nodes = (*self.pmap.values(), *self.tmap.values())
        return frozenset(origin for node in nodes for origin in node.origins() if origin)


class Service:
    """Belongs to one event loop of one process."""

    def __init__(self, options: AisOptions, clusters: Clusters) -> None:
        self.options = options
        self._clusters = clusters
        self._opening = asyncio.Lock()
        self._http: ModuleType | None = None
        self._session: ClientSession | None = None
        # Of each URL that was reached: the map of its cluster. And of each cluster the last URL.
        self._maps: dict[str, Smap] = {}
        self._good: dict[str, str] = {}

    async def send(self, place: Place, request: Request) -> Answer:
        """Return a good answer with its body. Raise what `of_answer` says of another one."""
        response = await self.open(place, request)
        async with self.guarded(place), response:
            async with asyncio.timeout(self.options.read_timeout_s):
                body = await response.read()
        return Answer(lower_case(response), body)

    async def open(self, place: Place, request: Request) -> ClientResponse:
        """Return a good answer before its body was read; the holder closes it."""
        cluster = await self._clusters.find(place.cluster)
        for number in range(1, self.options.attempts + 1):
            try:
                return await self._any_url(cluster, place, request)
            except _Repeatable as failure:
                if number == self.options.attempts or (request.once and not failure.not_sent):
                    raise failure.error from None
            wait_s = self.options.pause_s * 2 ** (number - 1)
            await asyncio.sleep(min(wait_s, _LONGEST_WAIT_S))
        raise AssertionError("the last attempt returns or raises")

    async def look_at(self, cluster: Cluster, url: str) -> Smap:
        """Return the map of the cluster at that URL, as it is now."""
        place = Place(cluster.uuid or cluster.alias)
        request = Request("GET", "daemon", _SMAP)
        try:
            response = await self._attempt(cluster, url, place, request)
        except _Repeatable as failure:
            raise failure.error from None
        async with self.guarded(place), response:
            async with asyncio.timeout(self.options.read_timeout_s):
                body = await response.read()
        try:
            found = msgspec.json.decode(body, type=Smap)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BackendError(str(place), "InvalidResponse", "it is not AIStore") from None
        return msgspec.structs.replace(found, raw=msgspec.Raw(body))

    async def _any_url(self, cluster: Cluster, place: Place, request: Request) -> ClientResponse:
        good = self._good.get(cluster.uuid)
        urls = sorted(cluster.urls, key=lambda url: url != good)
        for url in urls:
            try:
                await self._require_same(cluster, url, place)
                response = await self._attempt(cluster, url, place, request)
            except _Repeatable as failure:
                if url == urls[-1] or (request.once and not failure.not_sent):
                    raise
                continue
            self._good[cluster.uuid] = url
            return response
        raise BackendError(str(place), "NoUrl", "the cluster has no URL")

    async def _require_same(self, cluster: Cluster, url: str, place: Place) -> None:
        """Raise unless the cluster at the URL is the attached one."""
        if url in self._maps:
            return
        try:
            found = await self.look_at(cluster, url)
        except BackendUnavailable as error:
            reason = "the cluster cannot be reached"
            down = BackendUnavailable(str(place), error.code, reason)
            raise _Repeatable(down, not_sent=True) from None
        if found.uuid != cluster.uuid:
            reason = f"there is another cluster ({found.uuid[:64]}) at one of its URLs"
            raise _Repeatable(
                BackendUnavailable(str(place), "AnotherCluster", reason), not_sent=True
            )
        self._maps[url] = found

    async def _attempt(
        self, cluster: Cluster, url: str, place: Place, request: Request
    ) -> ClientResponse:
        session, http = await self._opened()
        address = f"{url.rstrip('/')}/v1/{request.path}{_query_of(request)}"
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                response = await self._request(session, http, cluster, address, request)
                if response.status not in _REDIRECTS:
                    break
                response.close()
                address = _target(place, address, response.headers.get("location", ""))
                await self._require_node(cluster, url, place, address)
            if response.status < 300:
                return response
            async with response, asyncio.timeout(self.options.read_timeout_s):
                body = await response.content.read(_LONGEST_ERROR)
        except http.FOREIGN as error:
            found = http.translated(error, place)
            self._maps.pop(url, None)
            if isinstance(found, BackendUnavailable):
                raise _Repeatable(found, not_sent=http.is_not_sent(error)) from None
            raise found from None
        hint = self._clusters.token_hint(cluster.alias)
        found = of_answer(response.status, lower_case(response), body, place, hint)
        if isinstance(found, BackendUnavailable):
            raise _Repeatable(found)
        raise found

    async def _request(
        self,
        session: ClientSession,
        http: ModuleType,
        cluster: Cluster,
        address: str,
        request: Request,
    ) -> ClientResponse:
        headers = {"accept-encoding": "identity", **request.headers}
        if cluster.token:
            headers["authorization"] = f"Bearer {cluster.token}"
        data: bytes | Body | None = None
        if request.message is not None:
            headers["content-type"] = "application/json"
            data = msgspec.json.encode(request.message)
        loop, limit_s = asyncio.get_running_loop(), self.options.read_timeout_s
        async with asyncio.timeout(limit_s) as limit:
            if request.body is not None:
                if request.size is not None:
                    headers["content-length"] = str(request.size)
                # While the body is sent, its source sets the pace.
                data = watched(
                    request.body,
                    lambda: limit.reschedule(None),
                    lambda: limit.reschedule(loop.time() + limit_s),
                )
            return await session.request(
                request.method,
                http.as_url(address),
                headers=headers,
                data=data,
                allow_redirects=False,
                expect100=request.body is not None,
            )

    async def _require_node(self, cluster: Cluster, url: str, place: Place, address: str) -> None:
        """Raise for a redirect to what is not a node of the cluster, even after another look."""
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
        known = self._maps.get(url)
        if known is not None and origin in known.origins:
            return
        self._maps[url] = known = await self.look_at(cluster, url)
        if origin not in known.origins:
            reason = "it redirects to what is not a node of its cluster"
            raise BackendError(str(place), "Redirect", reason)

    async def _opened(self) -> tuple[ClientSession, ModuleType]:
        if self._session is None or self._http is None:
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


class _Repeatable(Exception):
    """A failure that may be over at the next attempt; `not_sent`: nothing was done."""

    def __init__(self, error: StorageError, *, not_sent: bool = False) -> None:
        super().__init__()
        self.error = error
        self.not_sent = not_sent


def _target(place: Place, source: str, location: str) -> str:
    """Return the URL of a redirect. Raise `BackendError` for what is not one."""
    try:
        target = urljoin(source, location)
        urlsplit(target)
    except ValueError:
        raise BackendError(str(place), "Redirect", "it redirects to no address") from None
    return target


def bucket_path(place: Place) -> str:
    return f"buckets/{quote(place.bucket, safe='')}"


def object_path(place: Place) -> str:
    """Dots are encoded too where a client or proxy would fold them."""
    parts = place.name.split("/")
    encoded = (
        quote(part, safe="") if part not in (".", "..") else part.replace(".", "%2E")
        for part in parts
    )
    return f"objects/{quote(place.bucket, safe='')}/{'/'.join(encoded)}"


def _query_of(request: Request) -> str:
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in request.query.items())
    return f"?{text}" if text else ""
