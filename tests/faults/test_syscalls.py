"""The disk says no to a system call of a running worker: the client hears a proper error, nothing
half is there, and the server goes on as soon as the disk does."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
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
from tests.faults.wire import Answer, ask
from tests.server_process import ServerProcess, eventually

SMALL = whole("small", content(21, 1000))
LARGE = whole("large", content(22, 1_300_000))
WAL = "index.db-wal"
IO_ERROR = (500, "InternalError")
FULL = (507, "InsufficientStorage")

needs_strace = pytest.mark.skipif(bool(tracing.why_not()), reason=tracing.why_not())


@dataclass(frozen=True, slots=True)
class Case:
    """A call that fails while `size` bytes are put, and what the client is told."""

    calls: str
    error: str
    size: int
    told: tuple[int, str]
    when: str = "1"
    file: str = ""


CASES = {
    "fsync of the blob, EIO": Case("fsync", "EIO", 600_000, IO_ERROR),
    "fsync of the blob's folder, EIO": Case("fsync", "EIO", 600_000, IO_ERROR, when="2"),
    "fsync of the blob, ENOSPC": Case("fsync", "ENOSPC", 600_000, FULL),
    "link, EIO": Case("link,linkat", "EIO", 600_000, IO_ERROR),
    "link, ENOSPC": Case("link,linkat", "ENOSPC", 600_000, FULL),
    "write to the index, EIO": Case("pwrite64", "EIO", 1000, IO_ERROR, file=WAL),
    "write to the index, ENOSPC": Case("pwrite64", "ENOSPC", 1000, FULL, file=WAL),
    "later write to the index, EIO": Case("pwrite64", "EIO", 30_000, IO_ERROR, "4", WAL),
    "sync of the index, EIO": Case("fsync,fdatasync", "EIO", 1000, IO_ERROR, file=WAL),
    "sync of the index under a blob, EIO": Case(
        "fsync,fdatasync", "EIO", 600_000, IO_ERROR, file=WAL
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("syscalls")
    with ServerProcess(folder, environment=QUICK_HOUSEKEEPING) as server:
        server.client().create_bucket(Bucket=BUCKET)
        put(server.client(), "small", SMALL)
        put(server.client(), "large", LARGE)
        yield server


@needs_strace
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_put_that_the_disk_refuses_is_an_error_and_the_next_one_is_fine(
    server: ServerProcess, tmp_path: Path, case: Case
) -> None:
    (data,) = server.data
    put(server.client(), "target", SMALL)
    await_tidy(data)
    blobs, (pid,) = blob_files(data), server.worker_pids()
    body = content(23, case.size)
    file = data / case.file if case.file else None
    with failing(pid, case.calls, case.error, tmp_path, when=case.when, file=file) as fault:
        answer = ask(server, "PUT", f"/{BUCKET}/target", body)
        assert fault.hits > 0
        assert (answer.status, answer.code) == case.told
        _assert_reads(server)
    assert read_back(server.client(), "target") == SMALL
    if not case.file:
        assert work_files(data) == []
        assert blob_files(data) == blobs
    put(server.client(), "target", LARGE)
    assert read_back(server.client(), "target") == LARGE


@needs_strace
@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_what_the_index_refused_is_not_there_after_a_crash_either(
    server: ServerProcess, tmp_path: Path, method: str
) -> None:
    """The disk says no to the sync of a commit, and then everything dies. The client was told no;
    the next start shows one whole state or the other, and the same from then on."""
    (pid,) = server.worker_pids()
    put(server.client(), "doubtful", LARGE)
    new = whole("", content(24, 700_000))
    wal = server.data[0] / WAL
    with failing(pid, "fsync,fdatasync", "EIO", tmp_path, file=wal):
        answer = ask(server, method, f"/{BUCKET}/doubtful", new.content if method == "PUT" else b"")
    assert (answer.status, answer.code) == IO_ERROR
    server.kill9_all()
    server.start()
    seen = read_back(server.client(), "doubtful")
    assert seen in (LARGE, new if method == "PUT" else None)
    _assert_reads(server)
    assert_whole(server)
    server.start()
    assert read_back(server.client(), "doubtful") == seen


@needs_strace
def test_a_work_file_that_cannot_be_removed_is_no_reason_to_refuse(
    server: ServerProcess, tmp_path: Path
) -> None:
    (pid,) = server.worker_pids()
    with failing(pid, "unlink,unlinkat", "EIO", tmp_path) as fault:
        put(server.client(), "kept", LARGE)
        eventually(lambda: fault.hits > 0, "unlink refused")
    assert read_back(server.client(), "kept") == LARGE
    server.restart()
    assert read_back(server.client(), "kept") == LARGE
    assert work_files(server.data[0]) == []


@needs_strace
def test_a_read_that_the_disk_refuses_is_an_error_and_harms_nobody_else(
    server: ServerProcess, tmp_path: Path
) -> None:
    (data,) = server.data
    before = set(blob_files(data))
    put(server.client(), "unreadable", LARGE)
    (blob,) = set(blob_files(data)) - before
    (pid,) = server.worker_pids()
    with failing(pid, "pread64,preadv2", "EIO", tmp_path, when="1+", file=blob) as fault:
        answer = ask(server, "GET", f"/{BUCKET}/unreadable")
        assert fault.hits > 0
        assert (answer.status, answer.code) == IO_ERROR
        _assert_reads(server)
    assert read_back(server.client(), "unreadable") == LARGE


@needs_strace
def test_housekeeping_that_the_disk_refuses_is_done_later(
    server: ServerProcess, tmp_path: Path
) -> None:
    (data,) = server.data
    maintenance = server.children()["maintenance"]
    await_tidy(data)
    blobs = set(blob_files(data))
    put(server.client(), "garbage", LARGE)
    with failing(maintenance, "unlink,unlinkat", "EIO", tmp_path, when="1..2") as fault:
        server.client().delete_object(Bucket=BUCKET, Key="garbage")
        eventually(lambda: fault.hits >= 2, "garbage collector refused")
        _assert_reads(server)
    assert server.children()["maintenance"] == maintenance
    assert_whole(server)
    server.start()
    assert set(blob_files(data)) == blobs


def test_a_block_that_cannot_be_written_ends_the_upload(server: ServerProcess) -> None:
    """A limit on the size of files makes the second block of a work file fail with EFBIG."""
    (pid,) = server.worker_pids()
    await_tidy(server.data[0])
    blobs = blob_files(server.data[0])
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (900_000, limits[1]))
    try:
        answer = ask(server, "PUT", f"/{BUCKET}/limited", LARGE.content)
        _assert_reads(server)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert (answer.status, answer.code) == FULL
    assert read_back(server.client(), "limited") is None
    assert work_files(server.data[0]) == []
    assert blob_files(server.data[0]) == blobs
    put(server.client(), "limited", LARGE)
    assert read_back(server.client(), "limited") == LARGE


def _assert_reads(server: ServerProcess) -> None:
    assert _get(server, "small").body == SMALL.content
    assert _get(server, "large").body == LARGE.content


def _get(server: ServerProcess, key: str) -> Answer:
    return ask(server, "GET", f"/{BUCKET}/{key}")
