"""The disk says no, or everything dies, while a worker writes an object in chunks: the client hears
a proper error or nothing, and there is the old object or the new one, whole."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import tracing
from tests.faults.data_folder import (
    QUICK_HOUSEKEEPING,
    assert_whole,
    await_tidy,
    blob_files,
    work_files,
)
from tests.faults.objects import BUCKET, content, put, read_back, whole
from tests.faults.tracing import failing
from tests.faults.wire import ask
from tests.server_process import ServerProcess, eventually

OLD = whole("old", content(31, 1_000_000))
NEW = whole("new", content(32, 1_300_000))
# Of NEW, and the sidecar behind them.
CHUNKS = 4
SIZE = 400_000
IO_ERROR = (500, "InternalError")
FULL = (507, "InsufficientStorage")
CASES = {
    "fsync of the second chunk": ("fsync", "EIO", "3", IO_ERROR),
    "fsync of the last chunk's folder": ("fsync", "EIO", str(2 * CHUNKS), IO_ERROR),
    "fsync of the sidecar": ("fsync", "ENOSPC", str(2 * CHUNKS + 1), FULL),
    "link of the third chunk": ("link,linkat", "ENOSPC", "3", FULL),
    "link of the sidecar": ("link,linkat", "EIO", str(CHUNKS + 1), IO_ERROR),
}

needs_strace = pytest.mark.skipif(bool(tracing.why_not()), reason=tracing.why_not())


def keep_in_chunks(server: ServerProcess) -> None:
    value = {"chunks": {"objsize_limit": 1, "chunk_size": SIZE}}
    connection: http.client.HTTPConnection = server.connection()
    try:
        message = json.dumps({"action": "set-bprops", "value": value})
        connection.request("PATCH", f"/v1/buckets/{BUCKET}", message)
        assert connection.getresponse().status == 200
    finally:
        connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("chunks")
    with ServerProcess(folder, flags=["--no-auth"], environment=QUICK_HOUSEKEEPING) as server:
        server.client().create_bucket(Bucket=BUCKET)
        keep_in_chunks(server)
        yield server


@needs_strace
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_chunks_that_the_disk_refuses_leave_nothing(
    server: ServerProcess, tmp_path: Path, case: tuple[str, str, str, tuple[int, str]]
) -> None:
    calls, error, when, told = case
    (data,) = server.data
    put(server.client(), "target", OLD)
    await_tidy(data)
    blobs, (pid,) = blob_files(data), server.worker_pids()
    with failing(pid, calls, error, tmp_path, when=when) as fault:
        answer = ask(server, "PUT", f"/{BUCKET}/target", NEW.content)
        assert fault.hits > 0
        assert (answer.status, answer.code) == told
    assert read_back(server.client(), "target") == OLD
    assert work_files(data) == []
    assert blob_files(data) == blobs
    put(server.client(), "target", NEW)
    assert read_back(server.client(), "target") == NEW


def test_an_answered_object_in_chunks_survives_and_an_unanswered_one_is_not_there(
    server: ServerProcess,
) -> None:
    put(server.client(), "answered", NEW)
    connection: http.client.HTTPConnection = server.connection()
    try:
        connection.putrequest("PUT", f"/{BUCKET}/half")
        connection.putheader("Content-Length", str(len(NEW.content)))
        connection.endheaders()
        connection.send(NEW.content[: 3 * SIZE])
        (data,) = server.data
        eventually(lambda: len(work_files(data)) >= 2, "a chunk in place")
        server.kill9_all()
    finally:
        connection.close()
    server.start()
    assert read_back(server.client(), "answered") == NEW
    assert read_back(server.client(), "half") is None
    assert_whole(server)
    server.start()
