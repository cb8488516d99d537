"""The settings of what the server fetches itself."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from s3gw.config.types import Text, Texts, option

_HOST = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?"
_NUMERIC = r"[0-9.]+|.*[:/].*"


@dataclass(frozen=True, slots=True)
class Reachable(Text):
    """A host name, an address or a network."""

    allowed: str = "a host name, an address or a network such as 10.1.0.0/16"
    pattern: str = rf"{_HOST}|[0-9A-Fa-f:./]+"

    def read(self, value: object) -> str:
        text = Text(self.allowed, self.pattern).read(value)
        if Text(pattern=_NUMERIC).matches(text):
            ip_network(text)
        return text


@dataclass(frozen=True, slots=True)
class Outbound:
    """What the server fetches at the wish of others, such as the keys of a token's issuer."""

    allow: tuple[str, ...] = option(
        (),
        "Hosts and networks that may be fetched from although they are private: loopback, "
        "link-local, private and other special addresses are refused otherwise, also after a "
        "redirect or when a name changes its address.",
        Texts("a list of host names, addresses and networks such as 10.1.0.0/16", Reachable()),
    )
