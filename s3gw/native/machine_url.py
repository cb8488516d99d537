"""URL at which others reach this machine: what it announces to the cluster."""

from __future__ import annotations

import re
import socket

from s3gw.config.schema import Config

_ALL = ("0.0.0.0", "::", "")
_WITH_PORT = re.compile(r".*:\d+")
# Of a datagram that is not sent.
_ANY_PORT = 9


def machine_url(config: Config, port: int) -> str:
    """Return scheme, host and port; `port` is the one that the server listens on. It may look up a
    name."""
    scheme = "https" if config.server.tls_cert else "http"
    host = config.cluster.address or _listening(config.server.host)
    if not host:
        host = _in_url(_towards(_host_in(config.cluster.database)))
    bare = host.rpartition("]")[2] if host.startswith("[") else host
    return f"{scheme}://{host}" if _WITH_PORT.fullmatch(bare) else f"{scheme}://{host}:{port}"


def _listening(host: str) -> str:
    """Return the address as a URL has it; empty for all of the machine's."""
    return "" if host in _ALL else _in_url(host)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_in(address: str) -> str:
    """Return the first host of a database's URL; empty for a socket of this machine."""
    authority = re.split(r"[/?]", address.partition("://")[2], maxsplit=1)[0]
    first = authority.rpartition("@")[2].split(",")[0]
    if first.startswith("["):
        return first[1:].partition("]")[0]
    return first.partition(":")[0]


def _towards(host: str) -> str:
    """Return the address of the interface that leads to a host; the machine's name where that
    cannot be found out."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, _ANY_PORT, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            # It only chooses the way: nothing is sent.
            probe.connect(where)
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
