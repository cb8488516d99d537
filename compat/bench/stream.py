"""Large bodies over plain sockets, so lean that the server is what is measured.

What is sent goes out of memory in large pieces, as clients send it: sendfile makes small packets,
which cost a server on the same machine twice as much to take in. What arrives is thrown away inside
the kernel (MSG_TRUNC on TCP, tcp(7)). So a thread per client is enough.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from compat.bench.outcome import LoadFailed, Outcome, outcome_of

_BLOCK = 1 << 20
_HEAD = 1 << 16
_PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Payload:
    """Random content, in memory once for all clients."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)


@cache
def payload(size: int) -> Payload:
    return Payload(os.urandom(size))


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is what stands in the request line; `body` is either bytes or a payload."""

    method: str
    target: str
    body: bytes | Payload = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body_bytes(self) -> int:
        return self.body.size if isinstance(self.body, Payload) else len(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is empty when the body was thrown away."""

    status: int
    headers: Mapping[str, str]
    size: int
    content: bytes = b""


class ServerClosed(LoadFailed):
    """The server closed the connection where something was to come."""


class Connection:
    """One keep-alive connection, made again when the server has closed it; knows of HTTP what our
    servers answer: a length, or chunks. `closed` counts how often that was."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.socket = _connect(host)
        self.moved_bytes = 0
        self.closed = 0
        self._answers = 0
        self._is_closing = False
        self._is_cut = False
        self._waste = bytearray(_BLOCK)

    def close(self) -> None:
        self.socket.close()

    def cut(self) -> None:
        """End what another thread sends or receives."""
        self._is_cut = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def send(self, request: Request, *, keep: bool = False) -> Answer:
        """Raises `LoadFailed` when the answer is an error."""
        if self._is_closing:
            self._reconnect()
        head, rest = self._ask(request)
        status, headers = _parse(head)
        self._answers += 1
        self._is_closing = headers.get("connection", "").lower() == "close"
        if status >= 400:
            rest = self._read_all(headers, rest)
            where = request.target.partition("?")[0]
            raise LoadFailed(f"{request.method} {where}: {status} {rest[:500]!r}")
        if keep or "content-length" not in headers:
            content = b"" if status == 204 else self._read_all(headers, rest)
            return Answer(status, headers, len(content), content)
        size = int(headers["content-length"])
        if request.method != "HEAD":
            self._drain(size - len(rest))
        return Answer(status, headers, size)

    def _ask(self, request: Request) -> tuple[bytes, bytes]:
        """Return the head of the answer, and what came with it. Between two requests a server may
        close; the second one is then sent again (RFC 9112, 9.3.1)."""
        try:
            self.begin(request)
            return self._read_head()
        except (ConnectionError, ServerClosed):
            if not self._answers or self._is_cut:
                raise
        self._reconnect()
        self.begin(request)
        return self._read_head()

    def _reconnect(self) -> None:
        self.socket.close()
        self.socket = _connect(self.host)
        self.closed += 1
        self._answers = 0
        self._is_closing = False

    def begin(self, request: Request) -> None:
        """Send it, and leave the answer to the caller."""
        said = {"Host": self.host, "Content-Length": str(request.body_bytes), **request.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        head = f"{request.method} {request.target} HTTP/1.1\r\n{lines}\r\n".encode()
        if isinstance(request.body, bytes):
            self.socket.sendall(head + request.body)
            return
        self.socket.sendall(head)
        self._send_payload(request.body)

    def _send_payload(self, body: Payload) -> None:
        left = memoryview(body.content)
        while left:
            count = self.socket.send(left[:_BLOCK])
            self.moved_bytes += count
            left = left[count:]

    def _read_head(self) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.receive(_HEAD)
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _read_all(self, headers: Mapping[str, str], rest: bytes) -> bytes:
        if "content-length" in headers:
            while len(rest) < int(headers["content-length"]):
                rest += self.receive(_HEAD)
            return rest
        while not rest.endswith(b"0\r\n\r\n"):
            rest += self.receive(_HEAD)
        return _unchunked(rest)

    def _drain(self, left: int) -> None:
        while left > 0:
            got = self.socket.recv_into(self._waste, min(left, _BLOCK), socket.MSG_TRUNC)
            if not got:
                raise ServerClosed(f"the server closed with {left} bytes to come")
            self.moved_bytes += got
            left -= got

    def receive(self, size: int) -> bytes:
        data = self.socket.recv(size)
        if not data:
            raise ServerClosed("the server closed the connection")
        return data


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """One client per plan, each sending its requests in turn until the time is over.

    A request that was begun is ended, unless `cut_after_s` says when all connections are closed.
    `on_answer` is told of every answer, by one thread at a time.
    """

    plans: Sequence[Iterable[Request]]
    seconds: float
    cut_after_s: float | None = None
    on_answer: Callable[[Request, Answer], None] | None = None


def run_streams(host: str, load: StreamLoad) -> Outcome:
    run = _Run(host, load)
    threads = [threading.Thread(target=run.client, args=(plan,)) for plan in load.plans]
    for thread in threads:
        thread.start()
    run.start.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join(run.time_left(started))
    run.cut()
    for thread in threads:
        thread.join()
    if run.errors:
        raise LoadFailed(run.errors[0])
    took_s = time.perf_counter() - started
    return outcome_of(run.latencies, took_s, run.moved_bytes(), run.closed())


class _Run:
    """What the clients of one load share."""

    def __init__(self, host: str, load: StreamLoad) -> None:
        self._host = host
        self._load = load
        self.start = threading.Barrier(len(load.plans) + 1)
        self.latencies: list[float] = []
        self.errors: list[str] = []
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        self._is_cut = False

    def client(self, plan: Iterable[Request]) -> None:
        connection = Connection(self._host)
        with self._lock:
            self._connections.append(connection)
        self.start.wait()
        try:
            self._send_all(connection, plan)
        except (OSError, LoadFailed) as error:
            if not self._is_cut:
                self.errors.append(str(error))
        finally:
            connection.close()

    def _send_all(self, connection: Connection, plan: Iterable[Request]) -> None:
        deadline = time.perf_counter() + self._load.seconds
        for request in plan:
            began = time.perf_counter()
            if began > deadline:
                return
            answer = connection.send(request)
            with self._lock:
                self.latencies.append(time.perf_counter() - began)
                if self._load.on_answer is not None:
                    self._load.on_answer(request, answer)

    def moved_bytes(self) -> int:
        """Of payloads, also of those that were cut off."""
        return sum(connection.moved_bytes for connection in self._connections)

    def closed(self) -> int:
        """Return how many connections the server has closed."""
        return sum(connection.closed for connection in self._connections)

    def time_left(self, started: float) -> float | None:
        cut = self._load.cut_after_s
        return None if cut is None else max(0.0, started + cut - time.perf_counter())

    def cut(self) -> None:
        """Close what is still open, as clients do that go away."""
        self._is_cut = True
        for connection in self._connections:
            connection.cut()


def _connect(host: str) -> socket.socket:
    name, _, port = host.partition(":")
    made = socket.create_connection((name, int(port or 80)))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The kernel's timeouts: Python's own would poll before each call.
    for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        made.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", _PATIENCE_S, 0))
    return made


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


def _unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        whole, data = whole + data[:length], data[length + 2 :]
    return whole
