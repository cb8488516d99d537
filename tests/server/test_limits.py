"""What one client can take of a server, over real sockets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server_process import ServerProcess, eventually

# Time enough for every request that is sent at once, and short to wait for.
SHORT = "0.5"
LONG_S = 60
CREATE = b"PUT /bucket HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
PUT = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n"


@contextmanager
def limited(folder: Path, **limits: str) -> Iterator[ServerProcess]:
    """A server with these limits, and a bucket."""
    environment = {f"S3GW_LIMITS_{name.upper()}": value for name, value in limits.items()}
    flags = ["--no-auth"]
    with ServerProcess(folder, flags=flags, environment=environment) as server:
        with connected(server) as connection:
            connection.sendall(CREATE)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        yield server


@contextmanager
def connected(server: ServerProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LONG_S) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while block := connection.recv(1 << 16):
            received += block
    return bytes(received)


def test_a_head_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with limited(tmp_path, head_s=SHORT) as server, connected(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow")
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in answer.lower()


def test_a_second_head_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with limited(tmp_path, head_s=SHORT) as server, connected(server) as connection:
        connection.sendall(HEALTH + b"\r\n" + b"GET / HT")
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"HTTP/1.1 408" in answer


def test_a_head_in_pieces_is_taken(tmp_path: Path) -> None:
    with limited(tmp_path) as server, connected(server) as connection:
        for byte in HEALTH + b"Connection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert everything(connection).startswith(b"HTTP/1.1 200")


def test_a_connection_without_a_request_is_closed(tmp_path: Path) -> None:
    environment = {"S3GW_SERVER_KEEP_ALIVE_S": "1"}
    with ServerProcess(tmp_path, environment=environment) as server:
        with connected(server) as connection:
            assert everything(connection) == b""


def test_a_body_that_does_not_go_on_is_given_up(tmp_path: Path) -> None:
    with limited(tmp_path, body_stall_s=SHORT) as server, connected(server) as connection:
        connection.sendall(PUT + b"x" * 50_000)
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"<Code>RequestTimeout</Code>" in answer
        assert server.get("/bucket/key")[0] == 404


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    """A byte now and then is no progress; the client here sends as long as it can."""
    limits = {"body_stall_s": SHORT, "body_progress_bytes": "50000"}
    with limited(tmp_path, **limits) as server, connected(server) as connection:
        connection.sendall(PUT)
        connection.settimeout(0.05)
        answer = b""
        while not answer:
            connection.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1 << 16)
        assert b"<Code>RequestTimeout</Code>" in answer


def test_a_body_that_goes_on_is_taken(tmp_path: Path) -> None:
    with limited(tmp_path) as server, connected(server) as connection:
        connection.sendall(PUT)
        for _ in range(100):
            connection.sendall(b"x" * 1000)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("headers", "status"), [(18, b"200"), (19, b"400")])
def test_headers_are_counted(tmp_path: Path, headers: int, status: bytes) -> None:
    """Host and Connection are two of the twenty."""
    with limited(tmp_path, headers="20") as server, connected(server) as connection:
        more = b"".join(b"x-%d: y\r\n" % number for number in range(headers))
        connection.sendall(ASK + more + b"Connection: close\r\n\r\n")
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert (b"RequestHeaderSectionTooLarge" in answer) == (status == b"400")


@pytest.mark.parametrize(("size", "fits"), [(7_900, True), (8_200, False)])
def test_a_head_may_have_so_many_bytes(tmp_path: Path, size: int, fits: bool) -> None:
    """However it is cut into packets."""
    with limited(tmp_path, head_bytes="8KiB") as server:
        head = ASK + b"X-Long: " + b"y" * size + b"\r\nConnection: close\r\n\r\n"
        for pieces in ([head], [head[:20], head[20:]]):
            with connected(server) as connection:
                for piece in pieces:
                    connection.sendall(piece)
                status = everything(connection)[9:12]
                assert (status == b"200") if fits else (status in (b"400", b"431"))


def test_a_head_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    with limited(tmp_path, head_bytes="8KiB") as server, connected(server) as connection:
        connection.sendall(ASK)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"x-more: " + b"y" * 10_000 + b"\r\n")
            pytest.fail("ten megabytes of headers were taken")


def admitted(server: ServerProcess) -> socket.socket | None:
    """A connection that was answered; those that were closed before may still count."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=LONG_S)
    with contextlib.suppress(ConnectionResetError):
        connection.sendall(HEALTH + b"\r\n")
        if connection.recv(1000).startswith(b"HTTP/1.1 200"):
            return connection
    connection.close()
    return None


def one_more(server: ServerProcess) -> socket.socket:
    connection = eventually(lambda: admitted(server), "admitted")
    assert connection is not None
    return connection


def test_no_more_connections_are_kept_than_allowed(tmp_path: Path) -> None:
    with limited(tmp_path, connections="2") as server:
        with one_more(server):
            with one_more(server):
                assert admitted(server) is None
            with one_more(server):
                assert admitted(server) is None


def test_what_a_client_closed_is_closed_here_at_once(tmp_path: Path) -> None:
    """However long idle connections are kept."""
    with limited(tmp_path, connections="2") as server:
        for _ in range(5):
            one_more(server).close()


@pytest.mark.parametrize(
    "head",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEALTH + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
    ],
)
def test_nothing_turns_to_http_2(tmp_path: Path, head: bytes) -> None:
    with limited(tmp_path, head_s=SHORT) as server, connected(server) as connection:
        connection.sendall(head)
        answer = connection.recv(1 << 16)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
        assert not answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 5"))
        assert "Traceback" not in server.errors
