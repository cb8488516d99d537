"""Rules for the redirects of namenodes.

A namenode redirects reads and writes of content to a datanode, and HttpFS to itself. A redirect is
followed for the path that was asked for, not from https to http, and

* to the configured namenodes;
* where datanodes are configured, to these alone;
* else to any host that is not local to this machine, or to its link: what listens on loopback
  addresses, or at the address of a cloud's metadata, is not a datanode. A namenode on a loopback
  address may have datanodes there.

The path that is then asked for is the one that was asked for first: Java composes characters in the
address of a redirect (`e` and an accent become one), and that would be another file.

A host's name is resolved once for each connection, and the addresses that it has then are checked.
The server's cookies and tickets go to namenodes only; a datanode gets the token that the namenode
put into the address.
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
from unicodedata import normalize
from urllib.parse import quote, unquote, urljoin, urlsplit

from storage.backends.hdfs.options import HdfsOptions
from storage.errors import AddressRefused

PREFIX = "/webhdfs/v1"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Redirects:
    """The rules for one set of options."""

    def __init__(self, options: HdfsOptions) -> None:
        self._namenodes = frozenset(origin_of(url) for url in options.namenodes)
        hosts = [urlsplit(url).hostname or "" for url in options.namenodes]
        self._is_local = any(_is_loopback(host) for host in hosts)
        networks = {item: _network(item) for item in options.datanodes}
        self._names = frozenset(item.lower() for item, found in networks.items() if found is None)
        self._networks = tuple(found for found in networks.values() if found is not None)
        self._is_any = not options.datanodes

    def is_namenode(self, url: str) -> bool:
        return origin_of(url) in self._namenodes

    def target(self, source: str, location: str, path: str, subject: str) -> str:
        """Return the URL of a redirect, for that path of HDFS. Raise `AddressRefused` for one that
        is not followed, whatever its addresses."""
        try:
            target = urljoin(source, location)
            parts = urlsplit(target)
            good = bool(parts.hostname) and parts.port != 0 and parts.username is None
        except ValueError:
            raise AddressRefused(subject, "Redirect", "it redirects to no address") from None
        if not good or parts.scheme not in ("http", "https"):
            raise AddressRefused(subject, "Redirect", "it redirects to what is not a datanode")
        if source.startswith("https:") and parts.scheme != "https":
            raise AddressRefused(subject, "Redirect", "it redirects from https to http")
        if _composed(unquote(parts.path)) != _composed(PREFIX + path):
            raise AddressRefused(subject, "Redirect", "it redirects to another path")
        target = parts._replace(path=quote(PREFIX + path), fragment="").geturl()
        if self.is_namenode(target):
            return target
        host = parts.hostname or ""
        literal = _address(host)
        if literal is None:
            # Without networks, the name alone decides.
            good = self._is_any or self._is_named(host) or bool(self._networks)
        else:
            good = self.may_connect(host, host)
        if not good:
            reason = f"it redirects to {host[:100]}, which may not be a datanode"
            raise AddressRefused(subject, "Redirect", reason)
        return target

    def may_connect(self, host: str, address: str) -> bool:
        """Whether a datanode can be at an address that the host's name has."""
        found = _address(address.partition("%")[0])
        if found is None:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        if not self._is_any:
            return self._is_named(host) or any(found in network for network in self._networks)
        if found.is_loopback:
            return self._is_local
        return not (found.is_link_local or found.is_multicast or found.is_unspecified)

    def _is_named(self, host: str) -> bool:
        name = host.lower()
        wild = (each[1:] for each in self._names if each.startswith("*."))
        return name in self._names or any(name.endswith(each) for each in wild)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def check_datanodes(items: Iterable[str]) -> None:
    """Raise `ValueError` for what is neither a host's name nor a network."""
    for item in items:
        if _network(item) is None and (not item or "/" in item or ":" in item or " " in item):
            raise ValueError("each must be a host's name, '*.' and a domain, or a network")


def _composed(text: str) -> str:
    return normalize("NFC", text)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    found = _address(host)
    return host == "localhost" if found is None else found.is_loopback
