"""A server that says what it was told to say, whatever it is asked."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

from s3gw.client.endpoint import Endpoint
from s3gw.client.sync import Client
from tests.client.drivers import DRIVERS, Driver

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def answer(status: int = 200, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class Canned:
    """A connection gets the answers of one row, one for each request, and is closed then.
    `requests` are those that came, whole. A row with None in it is answered before the body is
    read."""

    def __init__(self, *rows: Sequence[bytes | None]) -> None:
        self._rows = rows
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._closed = threading.Semaphore(0)
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def client(self, **more: object) -> Client:
        return Client(self._endpoint(more), pause_s=0.0)

    def driver(self, kind: str, **more: object) -> Driver:
        """A client of `tests.client.drivers`."""
        return DRIVERS[kind](self._endpoint(more))

    def _endpoint(self, more: Mapping[str, object]) -> Endpoint:
        return Endpoint(self.url, **more)  # type: ignore[arg-type]

    def wait_for_close(self) -> None:
        """Of one more connection that had its answers."""
        assert self._closed.acquire(timeout=10)

    def __enter__(self) -> Canned:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with socket.create_connection(self._listener.getsockname()[:2]):
            # Wakes the thread up if fewer clients came than there are rows.
            pass
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        for row in self._rows:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(10)
                if not self._converse(connection, row):
                    return
            self._closed.release()

    def _converse(self, connection: socket.socket, row: Sequence[bytes | None]) -> bool:
        is_hasty = None in row
        for said in row:
            if said is None:
                continue
            request = _read(connection, with_body=not is_hasty)
            if not request:
                return False
            self.requests.append(request)
            connection.sendall(said)
        return True


def _read(connection: socket.socket, *, with_body: bool) -> bytes:
    """Empty when the client has gone."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (block := connection.recv(65536)):
            return b""
        read += block
    head, _, body = read.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    left = int(found[1]) - len(body) if found and with_body else 0
    while left > 0 and (block := connection.recv(65536)):
        read += block
        left -= len(block)
    return read
