"""Clients that do not read, connections beyond what the system allows, and who is let go."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from s3gw.config.limits import Limits
from s3gw.server.descriptors import EACH, RESERVED, connections_within, raise_limit, warning
from tests.server_process import ServerProcess, eventually


def test_a_connection_that_is_not_read_ends(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, environment={"S3GW_LIMITS_BODY_STALL_S": "0.2"}) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="large", Body=bytes(64 << 20))
        wanted = {"Bucket": "bucket", "Key": "large"}
        target = "/" + client.generate_presigned_url("get_object", Params=wanted).split("/", 3)[3]
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
            connection.sendall(head.encode())
            # Nothing is read, and the request ends all the same.
            eventually(lambda: "GetObject" in server.output, "the connection is let go")


def test_the_limit_of_open_files_is_raised() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_limit() == hard


@pytest.mark.parametrize(
    ("wanted", "descriptors", "fitting"),
    [
        (8192, 1_000_000, 8192),
        (8192, 1024, (1024 - RESERVED) // EACH),
        (8192, 10, 1),
        (8192, resource.RLIM_INFINITY, 8192),
        (10, 1024, 10),
    ],
)
def test_connections_fit_into_what_the_system_allows(
    wanted: int, descriptors: int, fitting: int
) -> None:
    assert connections_within(wanted, descriptors) == fitting
    said = warning(Limits(connections=wanted), descriptors)
    assert bool(said) == (fitting < wanted)
    assert not said or f"{fitting} connections" in said


def test_more_connections_than_open_files_do_not_disturb_others(tmp_path: Path) -> None:
    """With half of what its descriptors are enough for, and more than that, idle."""
    with ServerProcess(tmp_path, open_files=1024) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=bytes(200_000))
        idle = []
        try:
            for _ in range(600):
                idle.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(20):
                assert len(client.get_object(Bucket="bucket", Key="key")["Body"].read()) == 200_000
        finally:
            for each in idle:
                each.close()
        assert "1024 open files" in server.errors
