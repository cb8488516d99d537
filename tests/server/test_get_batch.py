"""GetBatch and archives on a whole server: configuration, metrics, restarts, broken answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from storage.archives import ArchiveFormat
from tests.archives.made import read_back, tar
from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess

DOCS = Path(__file__).parents[2] / "docs"
LARGE = os.urandom(300_000)


def post(server: ServerProcess, bucket: str, request: object) -> bytes:
    """The answer, which must be one."""
    with answer_to(server, bucket, request) as answer:
        return answer.read()


def posted_bytes(server: ServerProcess, bucket: str, request: object) -> int:
    """How long the answer is, of which nothing is kept."""
    with answer_to(server, bucket, request) as answer:
        return sum(len(piece) for piece in iter(lambda: answer.read(1 << 20), b""))


@contextmanager
def answer_to(
    server: ServerProcess, bucket: str, request: object
) -> Iterator[http.client.HTTPResponse]:
    body = json.dumps(request).encode()
    asked = AWSRequest("POST", f"{server.endpoint}/{bucket}?get-batch", data=body)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(asked)
    headers = {name: str(value) for name, value in asked.headers.items()}
    with closing(server.connection()) as connection:
        connection.request("POST", f"/{bucket}?get-batch", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        yield answer


@pytest.mark.parametrize("http_server", ["hypercorn", "uvicorn"])
def test_a_batch_that_breaks_is_an_incomplete_answer(tmp_path: Path, http_server: str) -> None:
    with ServerProcess(tmp_path, flags=["--http-server", http_server]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a", Body=LARGE)
        good = [{"objname": "a"}] * 60
        request = {"in": good, "strm": True, "coer": True}
        whole = post(server, "bucket", request)
        assert read_back(ArchiveFormat.TAR, whole) == [("bucket/a", LARGE)] * 60
        request["in"] = good + [{"objname": "none"}] * 7
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            post(server, "bucket", request)
        _, metrics = server.get("/metrics")
        assert b's3gw_getbatch_total{outcome="done"} 1.0' in metrics
        assert b's3gw_getbatch_total{outcome="failed"} 1.0' in metrics
        assert b's3gw_getbatch_entries_total{kind="failed"} 7.0' in metrics
        # As AIStore's dashboards look for them.
        assert re.search(rb'ais_target_getbatch_n{node_id="t[A-Za-z0-9]+"} [1-9]', metrics)
        assert re.search(rb'ais_target_err_soft_getbatch_n{node_id="t[A-Za-z0-9]+"} 7', metrics)
        assert re.search(rb'ais_target_put_count{node_id="t[A-Za-z0-9]+"} [1-9]', metrics)


def test_an_archives_index_is_there_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="s.tar", Body=tar([("a", b"member"), ("b", LARGE)]))
        request = {"in": [{"objname": "s.tar", "archpath": "a"}], "strm": True}
        name = "bucket/s.tar/a"
        assert read_back(ArchiveFormat.TAR, post(server, "bucket", request)) == [(name, b"member")]
        saved = list(tmp_path.rglob("archives.db"))
        assert len(saved) == 1
        server.kill9()
        server.restart()
        for damage in (False, True):
            if damage:
                server.stop()
                saved[0].write_bytes(b"no database")
                server.start()
            got = post(server, "bucket", request)
            assert read_back(ArchiveFormat.TAR, got) == [(name, b"member")]


def test_a_batch_holds_little_however_large_it_is(tmp_path: Path) -> None:
    """800 MiB go through a worker that may have grown by a few of them."""
    with ServerProcess(tmp_path, flags=["--workers", "1"]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="large", Body=LARGE * 28)
        s3.put_object(Bucket="bucket", Key="s.tar", Body=tar([("large", LARGE * 28)]))
        entries = [{"objname": "large"}, {"objname": "s.tar", "archpath": "large"}]
        request = {"in": entries, "strm": True}
        post(server, "bucket", request)
        (worker,) = server.worker_pids()
        before = peak(worker)
        request["in"] = entries * 50
        assert posted_bytes(server, "bucket", request) > 800_000_000
        assert peak(worker) - before < 64 << 20


def peak(pid: int) -> int:
    """The most memory that the process ever had, in bytes."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", told)[0]) * 1024


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path: Path) -> None:
    page = (DOCS / "getbatch.md").read_text()
    (example,) = re.findall(r"```python\n(# get_batch.py\n.*?)```", page, re.DOTALL)
    with ServerProcess(tmp_path) as server:
        script = tmp_path / "example.py"
        script.write_text(example)
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        where = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
        done = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, **keys, **where},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "samples/099 1000",
        "samples/007 1000",
        "__404__/samples/500 None",
    ]
