"""Leads clients to host names that no resolver knows, and notes the names they asked for.

A client takes it for its proxy, or for the host itself. Bytes pass through unchanged.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from compat.clients.target import domain, endpoint

_PIECE = 64 << 10
_HOST = re.compile(rb"\r\nhost: *([^\r:]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relayed:
    """`hosts` are the names that stood in a `Host` header."""

    port: int
    hosts: set[str] = field(default_factory=set)

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"http://{domain()}:{self.port}"


@contextmanager
def relay() -> Iterator[Relayed]:
    server = urlsplit(endpoint())
    if server.scheme == "https":
        pytest.skip("who relays TLS sees no names")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((server.hostname, server.port)) as there:
                back = threading.Thread(target=_pump, args=(there, self.request))
                back.start()
                _pump(self.request, there, note)
                back.join()

    def note(piece: bytes) -> None:
        relayed.hosts.update(name.decode() for name in _HOST.findall(piece))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        relayed = Relayed(listening.server_address[1])
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield relayed
        finally:
            listening.shutdown()


def _pump(
    source: socket.socket, target: socket.socket, note: Callable[[bytes], None] | None = None
) -> None:
    try:
        while piece := source.recv(_PIECE):
            if note:
                note(piece)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
