"""The process that sorts is killed in each phase, and the job is begun again or aborted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.archives import ArchiveFormat
from tests.archives.made import made, read_back
from tests.faults.data_folder import assert_whole
from tests.faults.test_jobs import ask
from tests.native.jobs.sort_scene import model, shards, spec
from tests.server_process import ServerProcess, eventually, is_alive

GIVEN = shards(4, 40, size=900)
EXPECTED = model(GIVEN, {}, 10 << 10)
POINTS = ["sort_inside_extraction:2", "sort_after_plan", "sort_inside_creation:3"]


def serve(folder: Path, failpoint: str) -> ServerProcess:
    armed = {"S3GW_FAILPOINT": failpoint}
    return ServerProcess(folder, flags=["--no-auth"], environment=armed)


def begin(server: ServerProcess) -> str:
    s3 = server.client()
    for bucket in ("source", "target"):
        s3.create_bucket(Bucket=bucket)
    for name, files in GIVEN.items():
        s3.put_object(Bucket="source", Key=name, Body=made(ArchiveFormat.TAR, files))
    asked = spec("source", "target", output_shard_size="10KB", create_concurrency_max_limit=1)
    return ask(server, "POST", "sort", asked).decode()


def info(server: ServerProcess, xid: str) -> Any:
    found = json.loads(ask(server, "GET", f"sort?uuid={xid}", None))
    return next(iter(found.values()))


def outputs(server: ServerProcess) -> list[Any]:
    s3 = server.client()
    listed = s3.list_objects_v2(Bucket="target").get("Contents", [])
    return [
        read_back(ArchiveFormat.TAR, s3.get_object(Bucket="target", Key=each["Key"])["Body"].read())
        for each in listed
    ]


@pytest.mark.parametrize("failpoint", POINTS)
def test_a_killed_sort_is_begun_again(tmp_path: Path, failpoint: str) -> None:
    with serve(tmp_path, failpoint) as server:
        sorter = server.children()["maintenance"]
        xid = begin(server)
        eventually(lambda: not is_alive(sorter), "the process that sorts was killed")
        server.kill9_all()
        del server.environment["S3GW_FAILPOINT"]
        server.start()
        eventually(lambda: info(server, xid)["archived"], "the job ended")
        assert not info(server, xid)["aborted"]
        assert outputs(server) == EXPECTED
        assert_whole(server)
    assert not list(server.data[0].glob("dsort-*"))


@pytest.mark.parametrize("failpoint", POINTS)
def test_shards_are_whole_or_not_there_and_an_abort_removes_them(
    tmp_path: Path, failpoint: str
) -> None:
    with serve(tmp_path, failpoint) as server:
        sorter = server.children()["maintenance"]
        xid = begin(server)
        eventually(lambda: not is_alive(sorter), "the process that sorts was killed")
        there = outputs(server)
        assert there == EXPECTED[: len(there)]
        assert len(there) >= (3 if "creation" in failpoint else 0)
        ask(server, "DELETE", f"sort/abort?uuid={xid}", None)
        eventually(lambda: info(server, xid)["archived"], "the job ended")
        assert info(server, xid)["aborted"]
        assert outputs(server) == []
