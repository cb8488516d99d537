"""rclone: what it does with trees and with times, which it keeps as metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.rclone import Driver
from compat.clients.target import MIB, endpoint, noise

TREE = {
    "readme": b"hello",
    "empty": b"",
    "deep/er/ümläut +%20": noise(50_000),
    "large": noise(9 * MIB),
}


@pytest.fixture(scope="module", name="client")
def _client() -> Driver:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("rclone") as name:
        yield name


def write_tree(folder: Path) -> None:
    for name, body in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def test_a_tree_is_synchronized_checked_and_comes_back(
    client: Driver, bucket: str, tmp_path: Path
) -> None:
    write_tree(tmp_path / "up")
    client.rclone("sync", str(tmp_path / "up"), f":s3:{bucket}/tree")
    client.rclone("check", str(tmp_path / "up"), f":s3:{bucket}/tree")
    client.rclone("check", "--download", str(tmp_path / "up"), f":s3:{bucket}/tree")
    (tmp_path / "up" / "readme").unlink()
    client.rclone("sync", str(tmp_path / "up"), f":s3:{bucket}/tree")
    assert raw.listed(bucket) == sorted(f"tree/{name}" for name in TREE if name != "readme")
    client.rclone("copy", f":s3:{bucket}/tree", str(tmp_path / "down"))
    client.rclone("check", str(tmp_path / "up"), str(tmp_path / "down"))


def test_a_time_is_kept_and_changed_by_a_copy_onto_itself(
    client: Driver, bucket: str, tmp_path: Path
) -> None:
    raw.put(bucket, "k", b"body")
    client.rclone("touch", "--timestamp", "2006-01-02T15:04:05", f":s3:{bucket}/k")
    assert client.rclone("lsf", "--format", "t", f":s3:{bucket}").startswith("2006-01-02")
    assert raw.get(bucket, "k") == b"body"


def test_a_large_object_is_copied_in_parts(client: Driver, bucket: str) -> None:
    raw.put(bucket, "large", noise(20 * MIB))
    parts = ("--s3-copy-cutoff", "6M")
    client.rclone("copyto", *parts, f":s3:{bucket}/large", f":s3:{bucket}/ü +copy")
    assert raw.get(bucket, "ü +copy") == noise(20 * MIB)


def test_a_stream_of_unknown_length_is_uploaded(client: Driver, bucket: str) -> None:
    client.output(
        "rcat", "--streaming-upload-cutoff", "1M", f":s3:{bucket}/k", stdin=noise(12 * MIB)
    )
    assert raw.get(bucket, "k") == noise(12 * MIB)
