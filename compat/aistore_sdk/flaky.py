"""In front of the server: breaks off its answers, for clients that go on after that."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 64 << 10


class Flaky:
    """Breaks off the next `breaks` answers to a GET after `after` bytes. `ranges` are those asked
    for, empty where none was."""

    def __init__(self, upstream: str) -> None:
        found = urlsplit(upstream)
        self.upstream = (found.hostname or "", found.port or 80)
        self.endpoint = ""
        self.breaks = 0
        self.after = 0
        self.ranges: list[str] = []

    def limit(self, head: bytes) -> int | None:
        """How many bytes the answer may have, if it shall not live."""
        if not head.startswith(b"GET /v1/objects"):
            return None
        lines = head.decode("latin-1").split("\r\n")
        asked = [line[7:] for line in lines if line.lower().startswith("range: ")]
        self.ranges.append("".join(asked))
        if not self.breaks:
            return None
        self.breaks -= 1
        return self.after


@contextmanager
def flaky(upstream: str) -> Iterator[Flaky]:
    told = Flaky(upstream)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while head := _head(self.request):
                if _answer(self.request, _closing(head), told.upstream, told.limit(head)):
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        told.endpoint = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield told
        finally:
            listening.shutdown()


def _head(client: socket.socket) -> bytes:
    """Of a request without a body."""
    read = b""
    with suppress(OSError):
        while b"\r\n\r\n" not in read:
            piece = client.recv(_PIECE)
            if not piece:
                break
            read += piece
    return read


def _closing(head: bytes) -> bytes:
    """The server ends the connection, and so the answer's end is seen."""
    lines = head.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([kept[0], b"Connection: close", *kept[1:]])


def _answer(
    client: socket.socket, request: bytes, upstream: tuple[str, int], limit: int | None
) -> bool:
    """Pass on the whole answer, or its first `limit` bytes. The connection is over then."""
    left = limit
    with socket.create_connection(upstream) as server, suppress(OSError):
        server.sendall(request)
        while piece := server.recv(_PIECE if left is None else min(_PIECE, left)):
            client.sendall(piece)
            left = None if left is None else left - len(piece)
    return True
