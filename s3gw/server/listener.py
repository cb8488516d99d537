"""The port that a server answers on, shared by its workers.

Each worker has a separate listening socket on the same port (SO_REUSEPORT), so that the kernel
distributes connections among them. With one shared socket the worker that wakes first gets a whole
burst of connections (16 of 16 in four of six trials), and with keep-alive they stay there. When a
worker dies the kernel closes its socket at once, and the others get the new connections.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress


class CannotListen(Exception):
    """The address is not available; the message says why and what to do."""


class ReservedPort:
    """A reserved port: bound by a socket that never listens, so it is ours until the end."""

    def __init__(
        self, family: int, address: tuple[str, int], flow: tuple[int, ...], scheme: str
    ) -> None:
        self._family = family
        self._scheme = scheme
        self._address = address
        self._flow = flow
        self._holder = self.socket()

    @classmethod
    def reserve(cls, host: str, port: int, scheme: str = "http") -> ReservedPort:
        """Reserve a port; 0 means any free one. Raises `CannotListen`."""
        try:
            family, _, _, _, where = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except socket.gaierror as error:
            raise CannotListen(
                f"The address {host!r} is unknown here ({error.strerror}): give another --host."
            ) from None
        with _new_socket(family) as probe:
            # Without SO_REUSEPORT, so that another server on this port is an error.
            try:
                probe.bind(where)
            except OSError as error:
                raise _refusal(host, port, error) from None
            address, number, *flow = probe.getsockname()
        return cls(family, (address, number), tuple(flow), scheme)

    @property
    def number(self) -> int:
        return self._address[1]

    @property
    def url(self) -> str:
        """The endpoint for clients on this machine."""
        host = self._address[0]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        shown = f"[{shown}]" if ":" in shown else shown
        return f"{self._scheme}://{shown}:{self.number}"

    def socket(self) -> socket.socket:
        """Return a socket for one worker: bound, not yet listening."""
        made = _new_socket(self._family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((*self._address, *self._flow))
        return made

    def close(self) -> None:
        self._holder.close()


def _new_socket(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if family == socket.AF_INET6:
        # `::` means IPv4 too.
        with suppress(OSError):
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return made


def _refusal(host: str, port: int, error: OSError) -> CannotListen:
    match error.errno:
        case errno.EADDRINUSE:
            next_step = "another program listens there: stop it, or give another --port."
        case errno.EACCES:
            next_step = "ports below 1024 need root: give another --port."
        case errno.EADDRNOTAVAIL:
            next_step = "this machine does not have that address: give another --host."
        case _:
            next_step = f"{error.strerror}."
    return CannotListen(f"Cannot listen on {host} port {port}: {next_step}")
