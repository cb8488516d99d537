"""A whole server in front of an S3: workers, the process of the jobs, and a crash."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess, eventually
from tests.storage.aws.remotes import moto

LARGE = os.urandom(8 << 20)


def client_of(remote: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=remote,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


class FastTier(ServerProcess):
    """Two workers without authentication, in front of the S3 at `remote`; `moto_log` has its
    requests."""

    def __init__(self, folder: Path, remote: str, moto_log: Path) -> None:
        environment = {
            "AWS_ENDPOINT_URL": remote,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }
        flags = ("--backend", "aws", "--no-auth")
        super().__init__(folder, flags=flags, environment=environment, workers=2)
        self.moto_log = moto_log
        self.cloud: Any = client_of(remote)

    def native(self, method: str, path: str, message: Any = None) -> bytes:
        """The body of a good answer."""
        connection = self.connection()
        try:
            headers = {"Content-Type": "application/json"}
            body = json.dumps(message) if message is not None else None
            connection.request(method, f"/v1/{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return text
        finally:
            connection.close()

    def gets(self, name: str) -> int:
        """How often the remote was asked for the object's bytes."""
        return self.moto_log.read_text().count(f'"GET /{name}')

    def counted(self) -> dict[str, float]:
        """All metrics, as numbers."""
        status, text = self.get("/metrics")
        assert status == 200
        lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def here(self, bucket: str) -> list[str]:
        value = {"props": "name", "flags": "1"}
        asked = {"action": "list", "value": value}
        page = json.loads(self.native("GET", f"buckets/{bucket}?provider=aws", asked))
        return [each["name"] for each in page["entries"] or []]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastTier]:
    folder = tmp_path_factory.mktemp("moto")
    with moto(folder) as remote:
        made = FastTier(tmp_path_factory.mktemp("server"), remote, folder / "moto.log")
        with made:
            yield made


@pytest.fixture
def bucket(server: FastTier, request: pytest.FixtureRequest) -> str:
    """A bucket of the remote, known to the server."""
    name = request.node.name.replace("_", "-")[:40].rstrip("-")
    server.cloud.create_bucket(Bucket=name)
    server.native("HEAD", f"buckets/{name}?provider=aws")
    return str(name)


def test_clients_of_all_workers_share_one_download(server: FastTier, bucket: str) -> None:
    server.cloud.put_object(Bucket=bucket, Key="hot", Body=LARGE)

    def read(_: int) -> bool:
        got = server.client().get_object(Bucket=bucket, Key="hot")["Body"].read()
        return bool(got == LARGE)

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(read, range(32)))
    assert server.gets(f"{bucket}/hot") == 1


def test_a_job_fetches_and_evicts(server: FastTier, bucket: str) -> None:
    for number in range(20):
        server.cloud.put_object(Bucket=bucket, Key=f"d/{number:02}", Body=b"%d" % number)
    where = f"buckets/{bucket}?provider=aws"
    chosen = {"template": "d/{00..14}"}
    server.native("POST", where, {"action": "prefetch-listrange", "value": chosen})
    eventually(lambda: len(server.here(bucket)) == 15, "prefetched")
    chosen = {"template": "d/{00..04}"}
    server.native("DELETE", where, {"action": "evict-listrange", "value": chosen})
    eventually(lambda: len(server.here(bucket)) == 10, "evicted")
    assert len(server.client().list_objects_v2(Bucket=bucket)["Contents"]) == 20


def test_a_bucket_may_be_at_another_endpoint(server: FastTier, tmp_path: Path, bucket: str) -> None:
    server.cloud.put_object(Bucket=bucket, Key="o", Body=b"at the server's own")
    with moto(tmp_path) as remote:
        elsewhere = client_of(remote)
        for name in ("only-there", bucket):
            elsewhere.create_bucket(Bucket=name)
            elsewhere.put_object(Bucket=name, Key="o", Body=b"elsewhere")
        props = {"extra": {"aws": {"endpoint": remote, "max_pagesize": 1}}}
        made = {"action": "create-bck", "value": props}
        server.native("POST", "buckets/only-there?provider=aws", made)
        assert server.native("GET", "objects/only-there/o?provider=aws") == b"elsewhere"
        server.native("PUT", "objects/only-there/new?provider=aws")
        listed = elsewhere.list_objects_v2(Bucket="only-there")["Contents"]
        assert [each["Key"] for each in listed] == ["new", "o"]
        where = f"{bucket}/o?provider=aws&latest-ver=true"
        assert server.native("GET", f"objects/{where}") == b"at the server's own"
        changed = {"action": "set-bprops", "value": props}
        server.native("PATCH", f"buckets/{bucket}?provider=aws", changed)
        assert server.native("GET", f"objects/{where}") == b"elsewhere"


def test_what_the_tier_does_is_counted_in_all_processes(tmp_path: Path) -> None:
    (tmp_path / "moto").mkdir()
    with moto(tmp_path / "moto") as remote:
        server = FastTier(tmp_path / "server", remote, tmp_path / "moto" / "moto.log")
        with server:
            _count(server)


def _count(server: FastTier) -> None:
    bucket = "counted"
    server.cloud.create_bucket(Bucket=bucket)
    for name in ("one", "two"):
        server.cloud.put_object(Bucket=bucket, Key=name, Body=LARGE[: 1 << 20])
    where = f"buckets/{bucket}?provider=aws"
    server.native("HEAD", where)
    for _ in range(3):
        server.client().get_object(Bucket=bucket, Key="one")["Body"].read()
    chosen = {"objnames": ["two", "one"]}
    server.native("POST", where, {"action": "prefetch-listrange", "value": chosen})
    eventually(lambda: len(server.here(bucket)) == 2, "prefetched")
    server.client().put_object(Bucket=bucket, Key="three", Body=b"12345")
    server.native("DELETE", where, {"action": "evict-listrange", "value": chosen})
    wanted = {
        's3gw_tier_evicted_objects_total{cause="request"}': 2,
        's3gw_tier_reads_total{provider="aws",result="miss"}': 1,
        's3gw_tier_reads_total{provider="aws",result="hit"}': 2,
        's3gw_backend_requests_total{outcome="good",provider="aws",request="get"}': 2,
        's3gw_backend_request_duration_seconds_count{provider="aws",request="get"}': 2,
        's3gw_backend_received_bytes_total{provider="aws"}': 2 << 20,
        's3gw_backend_sent_bytes_total{provider="aws"}': 5,
    }

    def counted() -> dict[str, float]:
        found = server.counted()
        return found if wanted.items() <= found.items() else {}

    found = eventually(counted, "what the other worker and the process of the jobs counted")
    native = {name.partition("{")[0]: value for name, value in found.items()}
    assert native["ais_target_aws_get_count"] == 2
    assert native["ais_target_aws_get_bytes"] == 2 << 20
    assert native["ais_target_aws_get_ns_total"] > 0
    assert native["ais_target_aws_put_count"] == 1
    assert native["ais_target_remais_get_count"] == 0
    stats = json.loads(server.native("GET", "daemon?what=node_stats"))
    assert (stats["tracker"]["aws.get.n"], stats["tracker"]["aws.get.size"]) == (2, 2 << 20)


def test_a_crash_during_a_download_leaves_nothing_of_it(server: FastTier, bucket: str) -> None:
    server.cloud.put_object(Bucket=bucket, Key="large", Body=LARGE * 8)
    body = server.client().get_object(Bucket=bucket, Key="large")["Body"]
    body.read(1)
    server.kill9_all()
    server.start()
    assert server.here(bucket) in ([], ["large"])
    again = server.client().get_object(Bucket=bucket, Key="large")["Body"].read()
    assert again == LARGE * 8
    assert server.here(bucket) == ["large"]


def test_what_is_here_is_read_while_the_remote_is_frozen(server: FastTier, bucket: str) -> None:
    server.cloud.put_object(Bucket=bucket, Key="a", Body=b"one")
    assert server.client().get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"
    (pid,) = {int(line) for line in _processes_of(server.moto_log)}
    os.kill(pid, signal.SIGSTOP)
    try:
        assert server.client().get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_unknown_provider_is_refused_at_the_start(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, flags=("--backend", "oci"))
    server.launch()
    assert server.running.wait(30) == 2
    assert "oci" in server.errors
    assert "aws" in server.errors


def _processes_of(log: Path) -> list[str]:
    """The processes that write into the file."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            targets = [os.readlink(each) for each in folder.iterdir()]
        except OSError:
            continue
        if str(log) in targets:
            found.append(folder.parent.name)
    return found
