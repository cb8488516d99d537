"""Clients that break off or dawdle cost the others nothing and leave nothing behind."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.faults.data_folder import (
    QUICK_HOUSEKEEPING,
    assert_whole,
    await_tidy,
    blob_files,
    work_files,
)
from tests.faults.objects import BUCKET, content, put, read_back, whole
from tests.faults.wire import ask, connect, head_of, signed
from tests.server_process import ServerProcess, eventually

MIB = 1 << 20
HUGE = 256 * MIB
PIECE = content(61, MIB)
OLD = whole("old", content(62, 100_000))
SMALL = whole("small", content(63, 1000))
SLACK = 64 * MIB
READERS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("leaving")
    with ServerProcess(folder, environment=QUICK_HOUSEKEEPING) as server:
        server.client().create_bucket(Bucket=BUCKET)
        put(server.client(), "small", SMALL)
        yield server
        assert_whole(server)


@pytest.fixture(scope="module")
def huge(server: ServerProcess) -> Path:
    """The blob of `/bucket/huge`."""
    before = set(blob_files(server.data[0]))
    assert ask(server, "PUT", f"/{BUCKET}/huge", PIECE * (HUGE // MIB)).status == 200
    (blob,) = set(blob_files(server.data[0])) - before
    return blob


def wire_of(body: bytes) -> bytes:
    """aws-chunked, unsigned, in two chunks, with a checksum behind them."""
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:half], body[half:]))
    checksum = base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
    return chunks + b"0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"


def chunked_headers(body: bytes) -> dict[str, str]:
    return {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(len(body)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }


@pytest.mark.parametrize("size", [1000, 4 * MIB])
def test_half_a_body_is_no_object(server: ServerProcess, size: int) -> None:
    _break_off(server, {"Content-Length": str(size)}, content(64, size)[: size // 2])


@pytest.mark.parametrize("size", [1000, 4 * MIB])
@pytest.mark.parametrize("missing", ["half", "trailer", "end of the trailer", "last byte"])
def test_half_an_aws_chunked_body_is_no_object(
    server: ServerProcess, size: int, missing: str
) -> None:
    body = content(65, size)
    wire = wire_of(body)
    length = {
        "half": len(wire) // 2,
        "trailer": wire.rindex(b"x-amz-checksum"),
        "end of the trailer": len(wire) - 9,
        "last byte": len(wire) - 1,
    }[missing]
    headers = {**chunked_headers(body), "Content-Length": str(len(wire))}
    _break_off(server, headers, wire[:length])


@pytest.mark.parametrize("cut", [1, 9, 40, 500_000])
def test_a_body_that_ends_inside_aws_chunked_is_refused(server: ServerProcess, cut: int) -> None:
    """The length in HTTP's own terms is right, so the client is there to be told."""
    body = content(66, MIB)
    put(server.client(), "target", OLD)
    wire = wire_of(body)[:-cut]
    answer = ask(server, "PUT", f"/{BUCKET}/target", wire, chunked_headers(body))
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    assert read_back(server.client(), "target") == OLD
    assert work_files(server.data[0]) == []


def test_a_whole_aws_chunked_body_is_an_object(server: ServerProcess) -> None:
    body = content(67, MIB)
    path = f"/{BUCKET}/chunked"
    assert ask(server, "PUT", path, wire_of(body), chunked_headers(body)).status == 200
    assert read_back(server.client(), "chunked") == whole("", body)


def test_half_a_part_is_no_part(server: ServerProcess) -> None:
    client = server.client()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    path = f"/{BUCKET}/parts?partNumber=1&uploadId={upload}"
    _send_and_leave(server, path, {"Content-Length": str(4 * MIB)}, PIECE * 2)
    assert "Parts" not in client.list_parts(Bucket=BUCKET, Key="parts", UploadId=upload)


def test_a_refused_upload_leaves_its_connection_usable(server: ServerProcess) -> None:
    """The server takes in the rest of the body, or it would have to close the connection, and
    the client lose its next request."""
    refused, small = "/no-such-bucket/key", f"/{BUCKET}/small"
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for _ in range(20):
            connection.request("PUT", refused, PIECE, signed(server, "PUT", refused))
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Connection")) == (404, None)
            assert b"NoSuchBucket" in answer.read()
            connection.request("GET", small, None, signed(server, "GET", small))
            assert connection.getresponse().read() == SMALL.content


def test_a_refused_upload_that_goes_on_and_on_is_told_that_the_connection_ends(
    server: ServerProcess,
) -> None:
    with closing(connect(server)) as opened:
        headers = {"Content-Length": str(HUGE)}
        opened.sendall(head_of(server, "PUT", "/no-such-bucket/key", headers) + PIECE * 9)
        head = _read(opened, 1000).lower()
        assert head.startswith(b"http/1.1 404 ")
        assert b"connection: close" in head


def test_a_download_ends_soon_after_its_client_left(server: ServerProcess, huge: Path) -> None:
    (pid,) = server.worker_pids()
    with closing(_begin_reading(server, MIB)):
        assert _open_on(pid, huge) > 0
    eventually(lambda: _open_on(pid, huge) == 0, "blob closed")
    eventually(lambda: _served(server, "huge"), "request logged")
    assert max(_served(server, "huge")) < HUGE // 2
    _assert_serves(server)


def test_readers_that_dawdle_cost_little_memory_and_nobody_waits_for_them(
    server: ServerProcess, huge: Path
) -> None:
    (pid,) = server.worker_pids()
    _assert_serves(server)
    before = _resident(pid)
    most = before
    with ExitStack() as stack:
        readers = [stack.enter_context(_begin_reading(server, 1000)) for _ in range(READERS)]
        for _ in range(20):
            for reader in readers:
                assert _read(reader, 200_000)
            _assert_serves(server)
            most = max(most, _resident(pid))
        assert _open_on(pid, huge) == READERS
    assert most - before < SLACK
    eventually(lambda: _open_on(pid, huge) == 0, "blob closed")


def test_a_whole_download_and_upload_cost_little_memory(server: ServerProcess, huge: Path) -> None:
    (pid,) = server.worker_pids()
    before = _resident(pid)
    with closing(_begin_reading(server, 1000)) as reader:
        while _read(reader, 16 * MIB):
            assert _resident(pid) - before < SLACK
    assert ask(server, "PUT", f"/{BUCKET}/copy", PIECE * 64).status == 200
    assert _resident(pid) - before < SLACK


def _break_off(server: ServerProcess, headers: dict[str, str], sent: bytes) -> None:
    """Neither a new object appears, nor does an old one change."""
    client = server.client()
    put(client, "target", OLD)
    for key in ("target", "fresh"):
        _send_and_leave(server, f"/{BUCKET}/{key}", headers, sent)
    assert read_back(client, "target") == OLD
    assert read_back(client, "fresh") is None


def _send_and_leave(server: ServerProcess, path: str, headers: dict[str, str], sent: bytes) -> None:
    (data,) = server.data
    await_tidy(data)
    blobs = blob_files(data)
    with closing(connect(server)) as opened:
        opened.sendall(head_of(server, "PUT", path, headers) + sent)
        if len(sent) > MIB:
            eventually(lambda: work_files(data), "upload begun")
    eventually(lambda: not work_files(data), "upload given up")
    _assert_serves(server)
    assert blob_files(data) == blobs


def _begin_reading(server: ServerProcess, size: int) -> socket.socket:
    """A GET of the huge object of which so many bytes were taken in."""
    opened = connect(server, receive_buffer=64 << 10)
    head = head_of(server, "GET", f"/{BUCKET}/huge", {"Connection": "close"})
    opened.sendall(head)
    assert _read(opened, size).startswith(b"HTTP/1.1 200 ")
    return opened


def _read(opened: socket.socket, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    pieces = []
    while size > 0 and (piece := opened.recv(min(size, MIB))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _open_on(pid: int, file: Path) -> int:
    """How many descriptors of the process are open on the file."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += os.readlink(entry) == str(file)
    return found


def _resident(pid: int) -> int:
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line
    )
    return int(line.split()[1]) * 1024


def _served(server: ServerProcess, key: str) -> list[int]:
    """Bytes that went out for each finished GET of the object, by the access log."""
    lines = [json.loads(line) for line in server.output.splitlines()]
    return [
        line["bytes_out"]
        for line in lines
        if line["method"] == "GET" and line["path"].endswith(f"/{key}")
    ]


def _assert_serves(server: ServerProcess) -> None:
    assert ask(server, "GET", f"/{BUCKET}/small").body == SMALL.content
