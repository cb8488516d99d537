"""Hosts of buckets, in front of the whole server: every path there is a key."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess

DISCOVERY = "/.well-known/openid-configuration"
OURS = (
    *("/metrics", "/v1/health", "/v1/metrics", "/v1/buckets/other", "/v1/daemon?what=smap"),
    DISCOVERY,
)
HOSTS = ("data.s3.example.com", "data.s3.example.com.", "DATA.S3.example.com.:80")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ["--s3-domain", "s3.example.com"]
    with ServerProcess(tmp_path_factory.mktemp("hosts"), flags=flags) as server:
        server.client().create_bucket(Bucket="data")
        yield server


def send(
    server: ServerProcess, method: str, host: str, target: str, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """A request signed for that host; the status, headers and body of the answer."""
    request = AWSRequest(method, f"http://placeholder{target}", {"Host": host}, body)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, target, body, dict(request.headers.items()))
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    found = answer.status, headers, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("target", OURS)
def test_what_is_put_at_a_buckets_host_is_an_object(
    server: ServerProcess, host: str, target: str
) -> None:
    body = f"{host} {target}".encode()
    path = target.partition("?")[0]
    assert send(server, "PUT", host, path, body)[0] == 200
    assert send(server, "GET", host, path)[2] == body
    key = path.removeprefix("/")
    assert server.client().get_object(Bucket="data", Key=key)["Body"].read() == body


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("target", ["/metrics", "/v1/health", "/v1/metrics"])
def test_health_and_metrics_are_only_read(server: ServerProcess, method: str, target: str) -> None:
    status, headers, _ = send(server, method, "s3.example.com", target, b"x")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    for reading in ("GET", "HEAD"):
        assert send(server, reading, "s3.example.com", target)[0] == 200


def test_open_id_discovery_is_answered_natively(server: ServerProcess) -> None:
    status, headers, body = send(server, "GET", "s3.example.com", DISCOVERY)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert b'"issuer":"http://s3.example.com"' in body.replace(b" ", b"")
