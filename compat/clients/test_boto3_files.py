"""boto3's transfers: files and streams, in parts and whole."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from compat.clients.target import MIB, endpoint, new_name, noise

IN_PARTS = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)


@pytest.fixture(scope="module", name="bucket")
def _bucket() -> Iterator[Any]:
    bucket = (
        boto3.session.Session().resource("s3", endpoint_url=endpoint()).Bucket(new_name("files"))
    )
    bucket.create()
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def test_a_file_of_30_mib_goes_up_and_down(bucket: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(noise(30 * MIB))
    seen: list[int] = []
    lock = threading.Lock()

    def count(size: int) -> None:
        with lock:
            seen.append(size)

    bucket.upload_file(str(source), "large", Config=IN_PARTS, Callback=count)
    bucket.download_file("large", str(target), Config=IN_PARTS)
    assert target.read_bytes() == source.read_bytes()
    assert sum(seen) == 30 * MIB
    assert bucket.Object("large").e_tag.endswith('-4"')


@pytest.mark.parametrize("size", [0, 1, 8 * MIB - 1, 8 * MIB, 16 * MIB + 1])
def test_a_stream_goes_up_and_down(bucket: Any, size: int) -> None:
    body = noise(size)
    bucket.upload_fileobj(io.BytesIO(body), "stream", Config=IN_PARTS)
    got = io.BytesIO()
    bucket.download_fileobj("stream", got, Config=IN_PARTS)
    assert got.getvalue() == body


def test_a_stream_without_a_length_goes_up(bucket: Any) -> None:
    class Pipe:
        """Cannot seek and does not know its end."""

        left = 20 * MIB

        def read(self, size: int = -1) -> bytes:
            size = min(size if size >= 0 else self.left, self.left)
            self.left -= size
            return b"p" * size

    bucket.upload_fileobj(Pipe(), "pipe", Config=IN_PARTS)
    digest = hashlib.sha256(bucket.Object("pipe").get()["Body"].read()).digest()
    assert digest == hashlib.sha256(b"p" * (20 * MIB)).digest()


@pytest.mark.parametrize("size", [1000, 17 * MIB])
def test_a_managed_copy_is_a_copy(bucket: Any, size: int) -> None:
    """Above the threshold boto3 copies part by part."""
    body = noise(size)
    bucket.put_object(Key="origin", Body=body, Metadata={"kept": "yes"})
    bucket.copy({"Bucket": bucket.name, "Key": "origin"}, "copied", Config=IN_PARTS)
    got = bucket.Object("copied").get()
    assert got["Body"].read() == body
    assert got["ETag"].endswith('-3"') == (size > MIB)


def test_checksummed_parts_are_verified_on_the_way_back(bucket: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(noise(17 * MIB))
    extra = {"ChecksumAlgorithm": "SHA256"}
    bucket.upload_file(str(source), "summed", Config=IN_PARTS, ExtraArgs=extra)
    got = bucket.Object("summed").get(ChecksumMode="ENABLED")
    assert got["Body"].read() == source.read_bytes()
    assert got["ChecksumSHA256"].endswith("-3")


def test_thirty_two_threads_share_a_client(bucket: Any) -> None:
    client = bucket.meta.client

    def round_trip(number: int) -> bool:
        body = noise(10_000 + number, number)
        client.put_object(Bucket=bucket.name, Key=f"many/{number}", Body=body)
        got: bytes = client.get_object(Bucket=bucket.name, Key=f"many/{number}")["Body"].read()
        return got == body

    with ThreadPoolExecutor(32) as threads:
        assert all(threads.map(round_trip, range(300)))
    assert len(list(bucket.objects.filter(Prefix="many/"))) == 300
