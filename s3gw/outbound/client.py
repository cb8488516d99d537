"""Fetching of URLs chosen by others: keys of a token's issuer, downloads.

The author of a URL must not reach what only this machine can reach (SSRF): its own ports, the
private network, a cloud's metadata service. Names cannot be checked in advance, because they may
resolve to another address a moment later; so each address is checked when its socket is created,
after all resolving and for every redirect. A host that the operator allowed by name uses a session
without that check.

Webhooks do not use this module: the operator configures their URLs. Servers that fetch nothing do
not import it, since aiohttp is a sixth of all that would be imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace
from yarl import URL

from s3gw.outbound.addresses import Allowed, may_connect, plain_name
from s3gw.outbound.fetch import CONNECTIONS, Fetch, Fetched, OutboundError, Refused, TooLarge

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Headers that are not sent to another origin after a redirect.
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_PIECE = 64 << 10
# Shorter than uvicorn's, so that a server seldom closes what is about to be used again.
_KEEP_ALIVE_S = 4.0


class _RefusedAddress(OSError):
    """A refusal inside aiohttp, where an OSError is passed on as the reason."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address refused")


class Outbound:
    """A client for one event loop, to be used as an `async with`."""

    def __init__(
        self,
        allowed: Allowed,
        resolver: AbstractResolver | None = None,
        *,
        connections: int = CONNECTIONS,
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._connections = connections

    async def __aenter__(self) -> Outbound:
        self._guarded = self._session(socket_factory=self._guarded_socket)
        self._trusted = self._session()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._guarded.close()
        await self._trusted.close()

    async def get(self, wanted: Fetch, *, limit_bytes: int) -> Fetched:
        """Fetch the whole answer. Raises `Refused`, `TooLarge` and `OutboundError`."""
        async with self.open(wanted) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > limit_bytes:
                    raise TooLarge(f"{answer.url.host} sent more than {limit_bytes} bytes")
            return Fetched(answer.status, answer.headers, bytes(body))

    @contextlib.asynccontextmanager
    async def open(self, wanted: Fetch) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open the answer after all redirects, with its body unread; errors of reading are
        translated too. Raises `Refused` and `OutboundError`."""
        url = _parse(wanted)
        try:
            async with asyncio.timeout(wanted.timeout_s), await self.ask(wanted) as answer:
                url = answer.url
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise translated(url, error) from error

    async def ask(self, wanted: Fetch) -> aiohttp.ClientResponse:
        """Return the answer after all redirects, with its body unread. Its holder closes it, and
        translates the errors of reading. Raises `Refused` and `OutboundError`."""
        url = _parse(wanted)
        for _ in range(wanted.max_redirects + 1):
            try:
                answer = await self._request(url, wanted)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise translated(url, error) from error
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            answer.close()
            url, wanted = _follow(url, answer.headers["Location"], wanted)
        raise Refused(f"{url.host} redirects more than {wanted.max_redirects} times")

    def session_for(self, host: str) -> aiohttp.ClientSession:
        """Return the session for requests to a host, for those that are more than a fetch. Its
        errors are translated by `translated`."""
        trusted = plain_name(host) in self._allowed.names
        return self._trusted if trusted else self._guarded

    async def _request(self, url: URL, wanted: Fetch) -> aiohttp.ClientResponse:
        _check(url, wanted)
        session = self.session_for(url.raw_host or "")
        idle_s = wanted.idle_s
        return await session.request(
            wanted.method,
            url,
            headers={**wanted.origin_headers, **wanted.headers},
            data=wanted.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=idle_s, sock_read=idle_s),
            ssl=wanted.tls or True,
            auto_decompress=not wanted.as_sent,
        )

    def _session(self, **connecting: Any) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            limit=self._connections,
            keepalive_timeout=_KEEP_ALIVE_S,
            **connecting,
        )
        # No cookies, and no proxies from the environment: their connections would be unchecked.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    def _guarded_socket(self, where: Any) -> socket.socket:
        """Create the socket for an address, if connections to it are allowed."""
        family, kind, protocol, _, address = where
        if not may_connect(address[0], self._allowed):
            raise _RefusedAddress
        return socket.socket(family, kind, protocol)


def _parse(wanted: Fetch) -> URL:
    try:
        return URL(wanted.url, encoded=wanted.as_sent)
    except ValueError:
        raise Refused("not a URL") from None


def _check(url: URL, wanted: Fetch) -> None:
    schemes = ("https",) if wanted.https_only else ("http", "https")
    if url.scheme not in schemes or not url.host:
        raise Refused(f"only {' and '.join(schemes)} URLs are fetched, and {url.host} is not one")
    if url.raw_user is not None or url.raw_password is not None:
        raise Refused(f"the URL of {url.host} holds a user's name or password")


def _follow(url: URL, location: str, wanted: Fetch) -> tuple[URL, Fetch]:
    """Return the next URL and its fetch, without credentials at another origin. Raises
    `Refused`."""
    try:
        target = url.join(URL(location, encoded=True))
        same = target.origin() == url.origin()
    except ValueError:
        raise Refused(f"{url.host} redirects to an invalid URL") from None
    if url.scheme == "https" and target.scheme != "https":
        raise Refused(f"{url.host} redirects from https to {target.scheme}")
    kept = {k: v for k, v in wanted.headers.items() if same or k.lower() not in _CREDENTIALS}
    ours = wanted.origin_headers if same else {}
    return target, replace(wanted, headers=kept, origin_headers=ours)


def translated(url: URL, error: Exception) -> OutboundError:
    """Return an error without aiohttp's message, as that may have a whole URL."""
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, _RefusedAddress):
            return Refused(
                f"{url.host} is at an address that is not fetched from; see outbound.allow"
            )
        return OutboundError(f"{url.host} cannot be reached: {error.os_error.strerror}")
    if isinstance(error, TimeoutError):
        return OutboundError(f"{url.host} did not answer in time")
    if isinstance(error, aiohttp.InvalidURL):
        return Refused(f"{url.host} is not the name or the address of a host")
    return OutboundError(f"{url.host} did not answer as it should: {type(error).__name__}")
