"""smart_open: a bucket's objects as files of Python."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import boto3
import pytest

from compat.clients import raw
from compat.clients.target import MIB, ODD_KEYS, endpoint, new_name, noise

# These live in this suite's own environment only.
smart_open = import_module("smart_open")
smart_open_s3 = import_module("smart_open.s3")


@pytest.fixture(scope="module", name="told")
def _told() -> dict[str, Any]:
    return {"client": boto3.session.Session().client("s3", endpoint_url=endpoint())}


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("smart") as name:
        yield name


@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("size", [0, 1, 100_000, 12 * MIB])
def test_what_is_written_is_read(
    told: dict[str, Any], bucket: str, size: int, in_parts: bool
) -> None:
    """An empty object is opened by a range, and its size is told by the refusal."""
    body = noise(size)
    how = {**told, "multipart_upload": in_parts, "min_part_size": 5 * MIB}
    with smart_open.open(f"s3://{bucket}/k", "wb", transport_params=how) as file:
        file.write(body)
    assert raw.get(bucket, "k") == body
    with smart_open.open(f"s3://{bucket}/k", "rb", transport_params=told) as file:
        assert file.read() == body


@pytest.mark.parametrize("key", ODD_KEYS[1:8])
def test_an_odd_key_is_a_key(told: dict[str, Any], bucket: str, key: str) -> None:
    with smart_open_s3.open(bucket, key, "wb", **told) as file:
        file.write(b"odd")
    assert raw.listed(bucket) == [key]
    with smart_open_s3.open(bucket, key, "rb", **told) as file:
        assert file.read() == b"odd"


def test_seeking_reads_ranges(told: dict[str, Any], bucket: str) -> None:
    body = noise(2 * MIB)
    raw.put(bucket, "k", body)
    with smart_open.open(f"s3://{bucket}/k", "rb", transport_params=told) as file:
        file.seek(-100, 2)
        assert file.read() == body[-100:]
        file.seek(1000)
        assert file.read(50) == body[1000:1050]


def test_compressed_lines_are_read_as_text(told: dict[str, Any], bucket: str) -> None:
    lines = [f"line {number} ü\n" for number in range(10_000)]
    with smart_open.open(f"s3://{bucket}/t.gz", "w", encoding="utf-8",
                         transport_params=told) as file:  # fmt: skip
        file.writelines(lines)
    with smart_open.open(f"s3://{bucket}/t.gz", encoding="utf-8", transport_params=told) as file:
        assert list(file) == lines


def test_a_failed_write_leaves_nothing(told: dict[str, Any], bucket: str) -> None:
    how = {**told, "min_part_size": 5 * MIB}

    def fail() -> None:
        with smart_open.open(f"s3://{bucket}/k", "wb", transport_params=how) as file:
            file.write(noise(6 * MIB))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert raw.listed(bucket) == []


def test_a_bucket_is_read_as_a_whole(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        raw.put(bucket, f"p/{number:02d}", str(number).encode())
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint())
    found = dict(smart_open_s3.iter_bucket(bucket, prefix="p/", workers=4))
    assert found == {f"p/{number:02d}": str(number).encode() for number in range(20)}


def test_missing_things_are_told(told: dict[str, Any], bucket: str) -> None:
    for where in (f"s3://{bucket}/none", f"s3://{new_name('none')}/none"):
        with pytest.raises(OSError, match=r"NoSuchKey|NoSuchBucket|404|does not exist"):
            smart_open.open(where, "rb", transport_params=told).read()
