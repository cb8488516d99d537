"""Guessing at a real server: every way in is counted, S3's, STS' and the native API's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.server_process import ACCESS_KEY, ServerProcess

BURST = 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    environment = {"S3GW_AUTH_THROTTLE_BURST": str(BURST), "S3GW_AUTH_THROTTLE_PER_MINUTE": "1"}
    with ServerProcess(tmp_path, environment=environment) as server:
        yield server


def sts_error(server: ServerProcess, secret: str) -> tuple[int, str]:
    client: Any = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as caught:
        client.get_caller_identity()
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def native(server: ServerProcess, method: str, path: str, **headers: str) -> tuple[int, str]:
    """Status, and the header that says when to come again."""
    connection: http.client.HTTPConnection = server.connection()
    try:
        body = json.dumps({"password": "wrong"})
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        connection.close()


def test_sts_and_s3_count_together(server: ServerProcess) -> None:
    for _ in range(BURST):
        assert sts_error(server, "wrong-secret") == (403, "SignatureDoesNotMatch")
    assert sts_error(server, "wrong-secret") == (503, "ServiceUnavailable")
    with pytest.raises(ClientError, match="SlowDown"):
        server.client().list_buckets()


def test_logins_are_counted_for_each_user(server: ServerProcess) -> None:
    for _ in range(BURST):
        assert native(server, "POST", "/v1/users/ann")[0] == 401
    status, again = native(server, "POST", "/v1/users/ann")
    assert (status, again) == (429, "60")
    assert native(server, "POST", "/v1/users/bob")[0] == 401


def test_bad_tokens_are_told_to_slow_down_and_lock_nobody_out(server: ServerProcess) -> None:
    answers = [
        native(server, "GET", "/v1/buckets", Authorization=f"Bearer a.b.{number}")[0]
        for number in range(BURST * 10 + 1)
    ]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert server.client().list_buckets()["Buckets"] == []
