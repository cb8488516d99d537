"""s3cmd: what it tells of an object and of a bucket, which asks much of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.s3cmd import Driver
from compat.clients.target import MIB, endpoint, noise


@pytest.fixture(scope="module", name="client")
def _client() -> Driver:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("s3cmd") as name:
        yield name


def test_an_object_is_described(client: Driver, bucket: str) -> None:
    raw.put(bucket, "k", b"body")
    told = client.s3cmd("info", f"s3://{bucket}/k")
    assert "File size: 4" in told
    assert "841a2d689ad86bd1611447453c22c6fc" in told


def test_a_bucket_is_described(client: Driver, bucket: str) -> None:
    """It reads policy, CORS, payment, lifecycle and more, and takes 404 for: there is none."""
    told = client.s3cmd("info", f"s3://{bucket}")
    assert "Location:  us-east-1" in told


def test_headers_are_changed_by_a_copy_onto_itself(client: Driver, bucket: str) -> None:
    raw.put(bucket, "k", b"body")
    client.s3cmd("modify", "--add-header=x-amz-meta-colour:red", f"s3://{bucket}/k")
    assert "x-amz-meta-colour: red" in client.s3cmd("info", f"s3://{bucket}/k")
    assert raw.get(bucket, "k") == b"body"


def test_a_tree_is_synchronized_and_comes_back(client: Driver, bucket: str, tmp_path: Path) -> None:
    tree = {"a": b"", "deep/ümläut +%20": b"odd", "large": noise(20 * MIB)}
    for name, body in tree.items():
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_bytes(body)
    client.s3cmd("sync", f"{tmp_path}/up/", f"s3://{bucket}/tree/")
    client.s3cmd("sync", f"s3://{bucket}/tree/", f"{tmp_path}/down/")
    assert {name: (tmp_path / "down" / name).read_bytes() for name in tree} == tree
    (tmp_path / "up" / "a").unlink()
    client.s3cmd("sync", "--delete-removed", f"{tmp_path}/up/", f"s3://{bucket}/tree/")
    assert raw.listed(bucket) == ["tree/deep/ümläut +%20", "tree/large"]
