"""The AWS SDK for JavaScript: the bodies that only it sends, and its presigned uploads."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.aws_sdk_js import Driver
from compat.clients.target import MIB, endpoint, noise


@pytest.fixture(scope="module", name="client")
def _client() -> Driver:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("js") as name:
        yield name


@pytest.mark.parametrize("command", ["putBytes", "putStream"])
@pytest.mark.parametrize("size", [0, 5, 3 * MIB])
def test_a_body_arrives(
    client: Driver, bucket: str, tmp_path: Path, command: str, size: int
) -> None:
    """Bytes have their checksum in a header; a stream has it in the trailer of chunks."""
    file = tmp_path / "body"
    file.write_bytes(noise(size))
    client.node(command, bucket, "k", str(file))
    assert raw.get(bucket, "k") == noise(size)


def test_a_presigned_upload_takes_any_body(client: Driver, bucket: str) -> None:
    """The URL bears the checksum of an empty body: the SDK had none when it signed."""
    url = client.node("presignPut", bucket, "sp ace/ü+")
    with urllib.request.urlopen(urllib.request.Request(url, b"body", method="PUT")) as answer:
        assert answer.status == 200
    assert raw.get(bucket, "sp ace/ü+") == b"body"
