"""Fetches of URLs that others chose: what is wanted, the answers, the errors (`client`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext


class OutboundError(Exception):
    """A fetch failed; the message has the host, and nothing that may be secret."""


class Refused(OutboundError):
    """The fetch was not tried: the URL, or its address, is not allowed."""


class TooLarge(OutboundError):
    """The answer exceeds the limit in bytes."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch. `timeout_s` is for all of it, redirects included; `tls` replaces the system's
    certificates; `https_only` applies to redirects too."""

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float = 10.0
    max_redirects: int = 3
    https_only: bool = False
    tls: SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, with any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
