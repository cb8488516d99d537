"""Fetches of URLs that others chose: what is wanted, the answers, the errors (`client`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from ssl import SSLContext


# How many a client has open at the same time, unless it is given another number; 0 is no limit.
CONNECTIONS = 100


class OutboundError(Exception):
    """A fetch failed; the message has the host, and nothing that may be secret."""


class Refused(OutboundError):
    """The fetch was not tried: the URL, or its address, is not allowed."""


class TooLarge(OutboundError):
    """The answer exceeds the limit in bytes."""


class Fetch(Struct, frozen=True):
    """One fetch. `timeout_s` is for all of it, redirects included, and `idle_s` for each wait, None
    for no limit; `tls` replaces the system's certificates; `https_only` applies to redirects too.
    With `as_sent`, the URL is sent as it is, and the body is not decompressed. `origin_headers` are
    not sent to another origin after a redirect. `body` is what is sent with the request."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float | None = 10.0
    idle_s: float | None = None
    as_sent: bool = False
    max_redirects: int = 3
    https_only: bool = False
    tls: SSLContext | None = None
    origin_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""


class Fetched(Struct, frozen=True):
    """An answer, with any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
