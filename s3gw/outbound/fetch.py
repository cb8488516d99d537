"""Fetching over http at the wish of somebody else: the keys of a token's issuer, later downloads.

Whoever can name a URL must not reach what only this machine reaches (SSRF): its own ports, the
private network, a cloud's metadata service. Names cannot be checked beforehand, because they may
stand for another address a moment later; so each address is checked when the socket for it is
made, after all resolving and for every redirect. A host that the operator allowed by its name goes
through a session without that check.

Webhooks do not pass here: the operator names them in the server's own file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from ssl import SSLContext
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from s3gw.outbound.addresses import Allowed, may_connect, plain_name

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Never sent on to another host than the one that they were meant for.
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_PIECE = 64 << 10


class OutboundError(Exception):
    """A fetch that failed; the message names the host, and nothing that may be secret."""


class Refused(OutboundError):
    """Not tried: the URL, or an address that it leads to, is none to fetch from."""


class TooLarge(OutboundError):
    """The answer has more bytes than were asked for."""


class _RefusedAddress(OSError):
    """Says so through aiohttp, which hands an OSError on as the reason."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address refused")


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch. `timeout_s` is for all of it, redirects included; `tls` verifies the server where
    the system's certificates shall not; `https_only` holds for redirects too."""

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float = 10.0
    max_redirects: int = 3
    https_only: bool = False
    tls: SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound:
    """An `async with` around its life; inside one event loop."""

    def __init__(self, allowed: Allowed, resolver: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._resolver = resolver

    async def __aenter__(self) -> Outbound:
        self._guarded = self._session(socket_factory=self._guarded_socket)
        self._trusted = self._session()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._guarded.close()
        await self._trusted.close()

    async def get(self, wanted: Fetch, *, limit_bytes: int) -> Fetched:
        """The whole answer. Raises `Refused`, `TooLarge` and `OutboundError`."""
        async with self.open(wanted) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > limit_bytes:
                    raise TooLarge(f"{answer.url.host} sent more than {limit_bytes} bytes")
            return Fetched(answer.status, answer.headers, bytes(body))

    @contextlib.asynccontextmanager
    async def open(self, wanted: Fetch) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer after all redirects, its body not yet read; errors of reading are translated
        too. Raises `Refused` and `OutboundError`."""
        url = _parse(wanted.url)
        try:
            async with asyncio.timeout(wanted.timeout_s):
                for _ in range(wanted.max_redirects + 1):
                    async with self._request(url, wanted) as answer:
                        if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                            yield answer
                            return
                    url, wanted = _follow(url, answer.headers["Location"], wanted)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(url, error) from error
        raise Refused(f"{url.host} redirects more than {wanted.max_redirects} times")

    def _request(self, url: URL, wanted: Fetch) -> Any:
        _check(url, wanted)
        trusted = plain_name(url.raw_host or "") in self._allowed.names
        session = self._trusted if trusted else self._guarded
        return session.get(
            url,
            headers=wanted.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
            ssl=wanted.tls or True,
        )

    def _session(self, **connecting: Any) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, **connecting)
        # Neither cookies nor the environment's proxies, which would connect in our place.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    def _guarded_socket(self, where: Any) -> socket.socket:
        """A socket for the address that it is about to be connected to."""
        family, kind, protocol, _, address = where
        if not may_connect(address[0], self._allowed):
            raise _RefusedAddress
        return socket.socket(family, kind, protocol)


def _parse(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise Refused("not a URL") from None


def _check(url: URL, wanted: Fetch) -> None:
    schemes = ("https",) if wanted.https_only else ("http", "https")
    if url.scheme not in schemes or not url.host:
        raise Refused(f"only {' and '.join(schemes)} URLs are fetched, and {url.host} is not one")
    if url.raw_user is not None or url.raw_password is not None:
        raise Refused(f"the URL of {url.host} holds a user's name or password")


def _follow(url: URL, location: str, wanted: Fetch) -> tuple[URL, Fetch]:
    """The next URL, and what to ask there: no credentials at another origin. Raises `Refused`."""
    try:
        target = url.join(URL(location, encoded=True))
        same = target.origin() == url.origin()
    except ValueError:
        raise Refused(f"{url.host} redirects to an invalid URL") from None
    if url.scheme == "https" and target.scheme != "https":
        raise Refused(f"{url.host} redirects from https to {target.scheme}")
    kept = {k: v for k, v in wanted.headers.items() if same or k.lower() not in _CREDENTIALS}
    return target, replace(wanted, headers=kept)


def _translated(url: URL, error: Exception) -> OutboundError:
    """aiohttp's own messages may hold whole URLs."""
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, _RefusedAddress):
            return Refused(
                f"{url.host} is at an address that is not fetched from; see outbound.allow"
            )
        return OutboundError(f"{url.host} cannot be reached: {error.os_error.strerror}")
    if isinstance(error, TimeoutError):
        return OutboundError(f"{url.host} did not answer in time")
    return OutboundError(f"{url.host} did not answer as it should: {type(error).__name__}")
