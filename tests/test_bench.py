"""The bench's clients, and how other servers are named."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from compat.bench.outcome import LoadFailed
from compat.bench.slow_s3 import Answer, Kind, SlowS3, content, etag_of, key_of
from compat.bench.stream import Connection, Request, ServerClosed, StreamLoad, run_streams
from compat.bench.subjects import parse_peer
from compat.processes import cpu_seconds

GET = Request("GET", "/")


@contextmanager
def serving(answer: bytes, each: int) -> Iterator[str]:
    """A server that gives that answer so many times on each connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    for _ in range(each):
                        if not connection.recv(65536):
                            break
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("announced", [b"", b"Connection: close\r\n"])
def test_a_connection_that_the_server_closed_is_made_again_and_counted(announced: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + announced + b"\r\nok"
    with serving(answer, each=1) as host:
        outcome = run_streams(host, StreamLoad([[GET, GET, GET]], 60))
    assert (outcome.requests, outcome.closed, outcome.size_bytes) == (3, 2, 0)


def test_a_connection_that_stays_is_not_counted() -> None:
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", each=3) as host:
        assert run_streams(host, StreamLoad([[GET, GET, GET]], 60)).closed == 0


def test_a_server_that_answers_nothing_is_a_failure() -> None:
    with serving(b"", each=0) as host:
        connection = Connection(host)
        with pytest.raises((ServerClosed, ConnectionError)):
            connection.send(GET)
        connection.close()


def test_a_peer_may_have_a_folder_and_a_process() -> None:
    peer = parse_peer(f"other=http://127.0.0.1:9100/s3,KEY,SECRET,{os.getpid()}")
    assert (peer.name, peer.host, peer.pid) == ("other", "127.0.0.1:9100", os.getpid())
    assert peer.target("GET", "/bucket/key").startswith("/s3/bucket/key?X-Amz-Algorithm")
    assert cpu_seconds(os.getpid()) > 0
    assert parse_peer("other=http://127.0.0.1:9100,KEY,SECRET").pid is None


@pytest.mark.parametrize(
    "text", ["", "a=b", "a=http://h,K", "a=http://h,K,S,x", "a=http://h,K,S,0"]
)
def test_what_names_no_peer_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, argparse shows the text
        parse_peer(text)


def test_an_error_is_no_answer() -> None:
    with serving(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", each=1) as host:
        connection = Connection(host)
        with pytest.raises(LoadFailed, match="503"):
            connection.send(GET)
        connection.close()


SLOW = SlowS3("train", [Kind(1_500, 10), Kind(2, 9_000_000)], 0.0, 1e9)


def body(answer: Answer) -> bytes:
    return answer.text or b"".join(content(answer.key, answer.span))


def test_the_slow_cloud_computes_the_same_object_whole_and_in_ranges() -> None:
    target = f"/train/{key_of(9_000_000, 1)}"
    whole = body(SLOW.answer("GET", target, {}))
    assert len(whole) == 9_000_000
    assert whole != body(SLOW.answer("GET", f"/train/{key_of(9_000_000, 0)}", {}))
    for text, first, stop in (
        ("bytes=0-0", 0, 1),
        ("bytes=4194303-8400000", 4194303, 8400001),
        ("bytes=8999999-", 8999999, 9000000),
        ("bytes=8999990-9999999", 8999990, 9000000),
    ):
        part = SLOW.answer("GET", target, {"range": text})
        assert body(part) == whole[first:stop]
        assert part.status == 206
        assert part.head["Content-Range"] == f"bytes {first}-{stop - 1}/9000000"
    head = SLOW.answer("HEAD", target, {})
    assert (head.head["Content-Length"], body(head)) == ("9000000", b"")


def test_the_slow_cloud_refuses_what_s3_refuses() -> None:
    key = key_of(10, 3)
    condition = {"if-match": etag_of(key)}
    assert SLOW.answer("GET", f"/train/{key}", condition).status == 200
    assert SLOW.answer("GET", f"/train/{key}", {"if-match": '"other"'}).status == 412
    assert SLOW.answer("GET", f"/train/{key}", {"range": "bytes=10-"}).status == 416
    assert SLOW.answer("GET", f"/train/{key_of(10, 1_500)}", {}).status == 404
    assert SLOW.answer("GET", "/other?list-type=2", {}).status == 404
    assert SLOW.answer("PUT", f"/train/{key}", {}).status == 501


def test_the_slow_cloud_lists_in_pages() -> None:
    keys, token = [], ""
    while True:
        page = body(SLOW.answer("GET", f"/train?list-type=2&prefix=10/&{token}", {})).decode()
        keys += re.findall(r"<Key>(.*?)</Key>", page)
        found = re.search(r"<NextContinuationToken>(.*?)<", page)
        if found is None:
            break
        token = f"continuation-token={found[1]}"
    assert keys == [key_of(10, number) for number in range(1_500)]
