"""What goes over the wire by default: the bytes, not what a client makes of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ServerProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        exchange(server, b"PUT /bucket HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        yield server


def exchange(server: ServerProcess, *pieces: bytes) -> bytes:
    """Send each piece when the one before it was answered; all that came, up to the last answer."""
    answers = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
            answer = connection.recv(1 << 20)
            while not _is_whole(answer):
                more = connection.recv(1 << 20)
                assert more, answer
                answer += more
            answers += answer
    return answers


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and (length is None or len(body) >= int(length[1]))


def test_100_continue_has_its_reason_phrase(server: ServerProcess) -> None:
    """botocore before 1.40.21 fails every PUT with a body where it is missing."""
    head = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    answers = exchange(server, head + b"Expect: 100-continue\r\n\r\n", b"body")
    first, _, rest = answers.partition(b"\r\n")
    assert first == b"HTTP/1.1 100 Continue"
    assert b"HTTP/1.1 200" in rest


def test_a_refused_upload_that_waits_is_not_told_to_go_on(server: ServerProcess) -> None:
    head = b"PUT /no-such-bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
    answer = exchange(server, head + b"Expect: 100-continue\r\n\r\n")
    # botocore takes a line without the phrase for no answer, and sends the body after all.
    assert answer.startswith(b"HTTP/1.1 404 Not Found")
    assert b"connection: close" in answer.lower()


def test_who_would_wait_to_send_nothing_is_refused_with_a_phrase(server: ServerProcess) -> None:
    head = b"PUT /no-such-bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
    answer = exchange(server, head + b"Expect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 Not Found")


def test_who_sends_without_being_told_is_served(server: ServerProcess) -> None:
    head = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\nbody")
        assert b"HTTP/1.1 200" in connection.makefile("rb").read()
    assert server.get("/bucket/key") == (200, b"body")


def test_several_requests_on_one_connection(server: ServerProcess) -> None:
    put = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    get = b"GET /bucket/key HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = exchange(server, put, get, get)
    assert answers.count(b"HTTP/1.1 200") == 3
    assert answers.count(b"\r\n\r\nbody") == 2


def test_an_answer_to_head_has_a_length_and_no_body(server: ServerProcess) -> None:
    put = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    exchange(server, put)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"HEAD /bucket/key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert b"content-length: 4" in answer.lower()
    assert answer.endswith(b"\r\n\r\n")


def test_a_large_body_arrives_whole(server: ServerProcess) -> None:
    body = bytes(range(256)) * 12_000
    head = b"PUT /bucket/large HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    exchange(server, head + body)
    assert server.get("/bucket/large") == (200, body)


def test_a_head_of_just_less_than_64_kib_is_taken(server: ServerProcess) -> None:
    assert _answer_to_head(server, 60_000).startswith(b"HTTP/1.1 200")


def test_a_longer_head_is_refused(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        assert _answer_to_head(server, 80_000).startswith(b"HTTP/1.1 431")


CHUNKS = b"4\r\nbody\r\n0\r\n\r\n"
# Each could be understood in two ways, by a proxy and by us: the first line decides the method.
UNCERTAIN = [
    (b"PUT", b"Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS),
    (b"PUT", b"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + CHUNKS),
    (b"PUT", b"Host: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody!"),
    (b"GET", b"Host: x\r\nHost: y\r\n\r\n"),
    (b"GET", b"Host: x\r\nHost: x\r\n\r\n"),
    (b"GET", b"A: b\r\n\r\n"),
]


def everything(server: ServerProcess, request: bytes) -> bytes:
    """All that comes until the server closes the connection; a test hangs while it does not."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


def test_what_can_be_understood_in_two_ways_is_refused(server: ServerProcess) -> None:
    for target in (b"/bucket/key", b"/v1/objects/bucket/key"):
        for method, rest in UNCERTAIN:
            answer = everything(server, method + b" " + target + b" HTTP/1.1\r\n" + rest)
            assert answer.startswith(b"HTTP/1.1 400"), (method, rest, answer)
            assert answer.count(b"HTTP/1.1 ") == 1
    assert server.get("/bucket/key")[0] == 404


def test_codings_besides_chunks_are_refused(server: ServerProcess) -> None:
    head = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    assert everything(server, head + CHUNKS).startswith(b"HTTP/1.1 501")
    assert server.get("/bucket/key")[0] == 404


@pytest.mark.parametrize("target", [b"http://x", b"http://x/", b"http://x?max-buckets=5", b"/"])
def test_a_target_may_name_the_host(server: ServerProcess, target: bytes) -> None:
    """As clients write it for a proxy, also with an empty path (RFC 9112, 3.2.2)."""
    head = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = everything(server, head)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"<ListAllMyBucketsResult" in answer


def test_http_1_0_needs_no_host(server: ServerProcess) -> None:
    answer = everything(server, b"GET /bucket/key HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")


def _answer_to_head(server: ServerProcess, size: int) -> bytes:
    """What is answered to a request whose head comes in pieces and has about that size."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n")
        connection.sendall(b"x-amz-security-token: " + b"t" * size)
        connection.sendall(b"\r\nConnection: close\r\n\r\n")
        return connection.recv(4096)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nnot a header\r\n\r\n", b"400 Bad Request"),
        (b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: one\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_what_is_not_http_is_refused_in_s3s_words(
    server: ServerProcess, request_line: bytes, status: bytes
) -> None:
    """botocore takes an empty phrase for a closed connection."""
    head, _, body = exchange(server, request_line).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"<Code>BadRequest</Code>" in body
    ids = dict(re.findall(rb"(?i)(x-amz-(?:request-id|id-2)): (\S+)", head))
    assert b"<RequestId>" + ids[b"x-amz-request-id"] + b"</RequestId>" in body
    assert b"<HostId>" + ids[b"x-amz-id-2"] + b"</HostId>" in body


def test_a_coding_that_is_unknown_is_not_implemented(server: ServerProcess) -> None:
    """uvicorn's parser calls it a bad request, and is as right."""
    head = b"PUT /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"
    answer = exchange(server, head)
    assert answer.startswith((b"HTTP/1.1 501 Not Implemented", b"HTTP/1.1 400 Bad Request"))
    assert b"<Error><Code>" in answer


def test_the_library_writes_no_lines_of_its_own(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        exchange(server, b"GET / HTTP/1.1\r\nHost: x\r\nnot a header\r\n\r\n")
        server.stop()
        assert "uvicorn.error" not in server.errors


def _in_chunks(trailers: bytes) -> bytes:
    head = b"PUT /bucket/trailed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"4\r\nbody\r\n0\r\n" + trailers + b"\r\n"


def test_trailers_are_no_headers(server: ServerProcess) -> None:
    assert b"HTTP/1.1 200" in exchange(server, _in_chunks(b"x-amz-meta-a: 1\r\nHost: y\r\n"))
    request = b"HEAD /bucket/trailed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = everything(server, request).lower()
    assert b"content-length: 4" in head
    assert b"x-amz-meta-a" not in head


def test_trailers_without_an_end_are_refused(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(_in_chunks(b"")[:-2] + b"a: ")
        answer = b""
        try:
            for _ in range(1000):
                connection.sendall(b"b" * 100_000)
        except OSError:
            answer = b"closed"
        assert answer or connection.recv(100).startswith(b"HTTP/1.1 4")


def test_other_versions_of_http_are_refused_by_default(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        for line in (b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET /"):
            answer = everything(server, line + b"\r\nHost: x\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400"), (line, answer)
