"""The process that runs jobs is killed in the middle of one."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from tests.faults.data_folder import assert_whole
from tests.server_process import ServerProcess, eventually

COUNT = 600


def ask(server: ServerProcess, method: str, target: str, message: Any) -> bytes:
    connection: http.client.HTTPConnection = server.connection()
    try:
        connection.request(method, f"/v1/{target}", json.dumps(message))
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body
    finally:
        connection.close()


def snap_of(server: ServerProcess, xid: str) -> Any:
    found = json.loads(ask(server, "GET", "cluster?what=qryxstats", {"ID": xid}))
    return next(iter(found.values()))[0]


def test_a_copy_goes_on_when_the_process_that_runs_it_is_killed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        s3 = server.client()
        for bucket in ("source", "target"):
            s3.create_bucket(Bucket=bucket)
        for number in range(COUNT):
            s3.put_object(Bucket="source", Key=f"{number:04}", Body=b"x" * 40_000)
        message = {"action": "copy-bck", "value": {"num-workers": 1}}
        where = "buckets/source?bck_to=ais/@%23/target/"
        xid = ask(server, "POST", where, message).decode()
        eventually(lambda: int(snap_of(server, xid)["stats"]["loc-objs"]) > 0, "a copy was made")
        server.kill_child(server.children()["maintenance"])
        eventually(lambda: not snap_of(server, xid)["end-time"].startswith("0001"), "job ended")
        snap = snap_of(server, xid)
        assert (snap["aborted"], snap["err"]) == (False, "")
        assert int(snap["stats"]["loc-objs"]) == COUNT
        listed = s3.list_objects_v2(Bucket="target")["Contents"]
        assert [each["Key"] for each in listed] == [f"{n:04}" for n in range(COUNT)]


def test_a_list_that_was_to_be_deleted_is_deleted_after_a_restart(tmp_path: Path) -> None:
    names = [f"{number:04}" for number in range(50)]
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="source")
        for name in [*names, "rest"]:
            s3.put_object(Bucket="source", Key=name, Body=b"x")
        message = {"action": "delete-listrange", "value": {"objnames": names}}
        xid = ask(server, "DELETE", "buckets/source", message).decode()
        server.kill9_all()
        server.start()
        eventually(lambda: not snap_of(server, xid)["end-time"].startswith("0001"), "job ended")
        assert not snap_of(server, xid)["aborted"]
        listed = server.client().list_objects_v2(Bucket="source")["Contents"]
        assert [each["Key"] for each in listed] == ["rest"]


def test_a_rechunking_goes_on_when_everything_is_killed(tmp_path: Path) -> None:
    body = bytes(range(256)) * 400
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="source")
        for number in range(200):
            s3.put_object(Bucket="source", Key=f"{number:04}", Body=body)
        message = {"action": "rechunk", "value": {"objsize-limit": 1, "chunk-size": 10_240}}
        xid = ask(server, "POST", "buckets/source", message).decode()
        eventually(lambda: int(snap_of(server, xid)["stats"]["loc-objs"]) > 0, "some were cut")
        assert snap_of(server, xid)["end-time"].startswith("0001")
        server.kill9_all()
        server.start()
        eventually(lambda: not snap_of(server, xid)["end-time"].startswith("0001"), "job ended")
        snap = snap_of(server, xid)
        assert (snap["aborted"], snap["err"]) == (False, "")
        s3 = server.client()
        for number in range(200):
            assert s3.get_object(Bucket="source", Key=f"{number:04}")["Body"].read() == body
        chunks = {_chunks_of(server, f"{number:04}") for number in range(200)}
        assert chunks == {"10"}
        assert_whole(server)


def _chunks_of(server: ServerProcess, name: str) -> str | None:
    connection = server.connection()
    try:
        connection.request("HEAD", f"/v1/objects/source/{name}?props=chunked")
        answer = connection.getresponse()
        answer.read()
        return answer.headers["Ais-Chunks-Count"]
    finally:
        connection.close()
