"""GetBatch and archives on a whole server: configuration, metrics, restarts, broken answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import closing
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
    body = json.dumps(request).encode()
    asked = AWSRequest("POST", f"{server.endpoint}/{bucket}?get-batch", data=body)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(asked)
    headers = {name: str(value) for name, value in asked.headers.items()}
    with closing(server.connection()) as connection:
        connection.request("POST", f"/{bucket}?get-batch", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()


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


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "getbatch.md").read_text(), re.DOTALL)
    with ServerProcess(tmp_path) as server:
        script = tmp_path / "example.py"
        script.write_text(example.replace("http://127.0.0.1:8080", server.endpoint))
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        done = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, **keys},
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
