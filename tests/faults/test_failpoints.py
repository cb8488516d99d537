"""A real server is killed at each named place of each operation and started again.

The seeded data folder is copied for each failpoint. There is a worker for each operation that
dies there and one more, and the supervisor is frozen: each operation kills the worker that serves
it, the dead leave what they were at, and at last the whole server is killed. Then recovery meets
all of it at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ConnectionError, HTTPClientError

from storage.failpoints import FAILPOINTS
from tests.faults.data_folder import QUICK_HOUSEKEEPING, assert_whole, blob_files, work_files
from tests.faults.objects import read_back
from tests.faults.operations import COPIED, LARGE, OPERATIONS, SMALL, Uploads, finish, seed
from tests.server_process import ServerProcess, eventually, is_alive

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ALL = frozenset(OPERATIONS)
BLOBS = frozenset({"put_blob", "copy", "overwrite", "upload_part"})
FILES = BLOBS | {"complete"}
# Who dies where; at `gc_...` it is the housekeeping process.
VICTIMS: Mapping[str, frozenset[str]] = {
    "after_work_write": BLOBS,
    "after_work_fsync": FILES,
    "after_link": FILES,
    "after_folder_fsync": FILES,
    "before_commit": ALL,
    "inside_commit": ALL,
    "after_commit": ALL,
    "after_work_unlink": FILES,
    "complete_after_sidecar": frozenset({"complete"}),
    "gc_before_unlink": frozenset(),
    "gc_after_unlink": frozenset(),
}
COMMITTED = {"after_commit", "after_work_unlink"}
SUPERVISED = ("after_link", "after_commit", "complete_after_sidecar")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Uploads]:
    with ServerProcess(tmp_path_factory.mktemp("seed")) as server:
        uploads = seed(server.client())
        server.stop()
        return server.data[0], uploads


def test_every_failpoint_has_its_victims() -> None:
    # Those of renames need two mountpaths: tests/storage/test_crossing_crashes.py; those of whole
    # buckets are in tests/storage/test_bucket_crashes.py, and those of an adoption in
    # tests/cluster/adopting. Those of a dsort are in tests/faults/test_sorting.py.
    apart = ("rename_", "bucket_", "adopt_", "sort_")
    assert set(VICTIMS) == {point for point in FAILPOINTS if not point.startswith(apart)}


@pytest.mark.parametrize("failpoint", VICTIMS)
def test_a_server_killed_anywhere_keeps_what_it_acknowledged(
    tmp_path: Path, seeded: tuple[Path, Uploads], failpoint: str
) -> None:
    folder, uploads = seeded
    victims = VICTIMS[failpoint]
    with _server(tmp_path, folder, failpoint, workers=len(victims) + 1) as server:
        server.freeze()
        acknowledged = _run_all(server, uploads, victims)
        eventually(lambda: _dead(server) == max(len(victims), 1), "all victims dead")
        server.kill9_all()
    assert acknowledged >= ALL - victims
    with ServerProcess(tmp_path) as server:
        _assert_states(server.client(), uploads, failpoint, acknowledged)
        _assert_clean(server, uploads)


@pytest.mark.parametrize("failpoint", SUPERVISED)
def test_the_supervisor_cleans_up_after_each_worker_that_was_killed(
    tmp_path: Path, seeded: tuple[Path, Uploads], failpoint: str
) -> None:
    folder, uploads = seeded
    with _server(tmp_path, folder, failpoint, workers=1) as server:
        (before,) = server.worker_pids()
        assert not _is_acknowledged(server, "complete", uploads)
        eventually(lambda: server.worker_pids() not in ([], [before]), "another worker")
        eventually(lambda: server.health() == 200, "healthy again")
        assert work_files(server.data[0]) == []
        _assert_states(server.client(), uploads, failpoint, set(), {"complete"})
        # This start has no failpoint, and nothing to recover.
        del server.environment["S3GW_FAILPOINT"]
        blobs = blob_files(server.data[0])
        server.restart()
        assert blob_files(server.data[0]) == blobs
        _assert_clean(server, uploads)


def test_a_failpoint_counts_its_hits(tmp_path: Path, seeded: tuple[Path, Uploads]) -> None:
    folder, uploads = seeded
    with _server(tmp_path, folder, "before_commit:3", workers=1) as server:
        assert _is_acknowledged(server, "put_inline", uploads)
        assert _is_acknowledged(server, "put_blob", uploads)
        assert not _is_acknowledged(server, "delete", uploads)


def _server(tmp_path: Path, folder: Path, failpoint: str, *, workers: int) -> ServerProcess:
    shutil.copytree(folder, tmp_path / "data")
    variables = {"S3GW_FAILPOINT": failpoint, **QUICK_HOUSEKEEPING}
    return ServerProcess(tmp_path, environment=variables, workers=workers)


def _run_all(server: ServerProcess, uploads: Uploads, victims: frozenset[str]) -> set[str]:
    """What was acknowledged. Behind the commit an answer can come before the worker dies, so each
    victim is dead before the next request, which might meet it otherwise."""
    acknowledged: set[str] = set()
    asked: set[str] = set()
    for name in OPERATIONS:
        asked.add(name)
        if _is_acknowledged(server, name, uploads):
            acknowledged.add(name)
        dead = len(asked & victims)
        eventually(lambda dead=dead: _dead(server) >= dead, f"the worker of {name} dead")  # type: ignore[misc]
    return acknowledged


def _is_acknowledged(server: ServerProcess, name: str, uploads: Uploads) -> bool:
    try:
        OPERATIONS[name].run(server.client(), uploads)
    except (HTTPClientError, ConnectionError):
        return False
    return True


def _dead(server: ServerProcess) -> int:
    listed = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return sum(not is_alive(int(pid)) for pid in listed)


def _assert_states(
    client: S3Client,
    uploads: Uploads,
    failpoint: str,
    acknowledged: set[str],
    names: frozenset[str] | set[str] = ALL,
) -> None:
    for name in sorted(names):
        operation = OPERATIONS[name]
        is_done = name in acknowledged or failpoint in COMMITTED
        expected = operation.after if is_done else operation.before
        assert operation.seen(client, uploads) == expected, f"{name} at {failpoint}"


def _assert_clean(server: ServerProcess, uploads: Uploads) -> None:
    client = server.client()
    finish(client, uploads.part)
    assert read_back(client, "idle") == LARGE
    assert read_back(client, "idle-small") == SMALL
    assert read_back(client, "source") == COPIED
    assert_whole(server)
