"""Addresses that the server may connect to for a client's URL.

These are public unicast addresses, unless the operator allowed more. IPv6 can embed IPv4 in several
ways (mapped, NAT64, 6to4), and the kernel or a router sends packets to the inner address: so that
one is checked. The networks are those of IANA's special-purpose registries (RFC 6890), listed here
because `ipaddress` differs in them from one Python version to the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # a provider's NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, with the clouds' metadata at 169.254.169.254
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")


class Allowed(Struct, frozen=True):
    """The operator's exceptions: host names, in lower case, and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, items: Iterable[str]) -> Allowed:
        """Parse names, addresses and networks, as in the setting `outbound.allow`."""
        names, networks = set(), []
        for item in items:
            if network := as_network(item):
                networks.append(network)
            else:
                names.add(plain_name(item))
        return cls(frozenset(names), tuple(networks))


def as_network(text: str) -> Network | None:
    """Parse a network, or an address as a network of one; None for a host name."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def plain_name(host: str) -> str:
    """Return the canonical spelling of a host."""
    return host.lower().removesuffix(".")


def may_connect(address: str, allowed: Allowed) -> bool:
    """Whether a socket may connect to the address; False for an unreadable one."""
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(outer)
    opened = any(each in network for network in allowed.networks for each in {outer, inner})
    return opened or _is_public(inner)


def _inner(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 one, if packets are sent to it."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    if address in _SIX_TO_FOUR:
        return IPv4Address(address.packed[2:6])
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
