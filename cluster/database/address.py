"""Address of a database: a `postgresql://` URL with one host or several.

asyncpg reads the rest of it. The hosts are read here, since each is connected to by itself. Nothing
that is raised shows a part of the address but its hosts: the password is in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from cluster.database.errors import AccessRefused

_PORT = 5432
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_UNREADABLE = (
    "the address of the database cannot be read: it is postgresql://USER:PASSWORD@HOST:PORT,"
    "HOST:PORT/NAME, where special characters of the password are written as %40 for @, %2F for /, "
    "%3A for :, %23 for #, %3F for ?"
)


class Host(Struct, frozen=True):
    """A name, an IP address, or the folder of a Unix socket."""

    name: str
    port: int

    def __str__(self) -> str:
        if self.name.startswith("/"):
            return self.name
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def hosts_in(address: str) -> Sequence[Host]:
    """Return the hosts; an empty list where the environment or a service file has them. Raises
    `AccessRefused` for what is not an address."""
    try:
        place, query = _parts(address)
        listed = place or query.get("host", "")
        if not listed:
            return ()
        names = [unquote(each) for each in listed.split(",")] if place else listed.split(",")
        ports = query.get("port") or os.environ.get("PGPORT") or str(_PORT)
        defaults = [int(port) for port in ports.split(",")]
        if len(defaults) == 1:
            defaults *= len(names)
        return [_host(name, port) for name, port in zip(names, defaults, strict=True)]
    except ValueError:
        # Its text may have a part of the password.
        raise AccessRefused(_UNREADABLE) from None


def check_files(address: str) -> None:
    """Raise `AccessRefused` for a file that the address names and that cannot be read."""
    _, query = _parts(address)
    for key in _FILES:
        path = query.get(key)
        if path:
            try:
                Path(path).open("rb").close()
            except OSError as error:
                raise AccessRefused(f"{key} of the database's address: {error}") from error


def stays_here(address: str) -> bool:
    """Return whether nothing that is sent there leaves this machine."""
    return all(map(_is_here, hosts_in(address)))


def security(address: str) -> str:
    """Return the `sslmode`."""
    _, query = _parts(address)
    return query.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"


def _is_here(host: Host) -> bool:
    if host.name.startswith("/") or host.name == "localhost":
        return True
    try:
        return ip_address(host.name).is_loopback
    except ValueError:
        return False


def _parts(address: str) -> tuple[str, Mapping[str, str]]:
    """Return the list of hosts, and the last value of each parameter."""
    parts = urlsplit(address)
    user, _, place = parts.netloc.rpartition("@")
    if parts.scheme not in ("postgresql", "postgres") or "@" in user:
        raise ValueError
    query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    return place, {key: values[-1] for key, values in query.items()}


def _host(text: str, port: int) -> Host:
    if text.startswith("/"):
        return Host(text, port)
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError
    else:
        name, colon, number = text.partition(":")
        rest = colon + number
    if not name:
        raise ValueError
    return Host(name, int(rest[1:]) if rest else port)
