"""pyarrow's own S3 client, which is AWS' C++ SDK: always multipart, aws-chunked, crc64 trailers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest

from compat.clients.target import MIB, endpoint, keys, new_name, noise

# These live in this suite's own environment only.
arrow = import_module("pyarrow")
dataset = import_module("pyarrow.dataset")
fs = import_module("pyarrow.fs")
parquet = import_module("pyarrow.parquet")


@pytest.fixture(scope="module", name="files")
def _files() -> Any:
    key, secret = keys()
    return fs.S3FileSystem(
        access_key=key,
        secret_key=secret,
        endpoint_override=urlsplit(endpoint()).netloc,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )


@pytest.fixture(name="bucket")
def _bucket(files: Any) -> Iterator[str]:
    name = new_name("arrow")
    files.create_dir(name)
    yield name
    files.delete_dir(name)


@pytest.mark.parametrize("size", [0, 1, 100_000, 30 * MIB])
def test_a_stream_is_written_and_read(files: Any, bucket: str, size: int) -> None:
    body = noise(size)
    with files.open_output_stream(f"{bucket}/a/ü b") as out:
        out.write(body)
    with files.open_input_stream(f"{bucket}/a/ü b") as read:
        assert read.read() == body
    info = files.get_file_info(f"{bucket}/a/ü b")
    assert (info.type, info.size) == (fs.FileType.File, size)


def test_metadata_goes_with_the_stream(files: Any, bucket: str) -> None:
    said = {"Content-Type": "text/x-test"}
    with files.open_output_stream(f"{bucket}/k", metadata=said) as out:
        out.write(b"x")
    with files.open_input_stream(f"{bucket}/k") as read:
        assert read.metadata()["Content-Type"] == b"text/x-test"


def test_a_file_is_read_at_random(files: Any, bucket: str) -> None:
    body = noise(MIB)
    with files.open_output_stream(f"{bucket}/k") as out:
        out.write(body)
    with files.open_input_file(f"{bucket}/k") as read:
        assert read.read_at(10, 500_000) == body[500_000:500_010]
        read.seek(MIB - 5)
        assert read.read() == body[-5:]


def test_folders_exist_are_listed_and_go(files: Any, bucket: str) -> None:
    files.create_dir(f"{bucket}/empty/deep", recursive=True)
    with files.open_output_stream(f"{bucket}/full/k") as out:
        out.write(b"x")
    found = files.get_file_info(fs.FileSelector(bucket, recursive=True))
    assert sorted(info.path.partition("/")[2] for info in found) == [
        "empty", "empty/deep", "full", "full/k",
    ]  # fmt: skip
    files.delete_dir(f"{bucket}/empty")
    assert files.get_file_info(f"{bucket}/empty").type == fs.FileType.NotFound
    assert files.get_file_info(f"{bucket}/none").type == fs.FileType.NotFound


def test_files_are_copied_moved_and_deleted(files: Any, bucket: str) -> None:
    with files.open_output_stream(f"{bucket}/one") as out:
        out.write(b"1")
    files.copy_file(f"{bucket}/one", f"{bucket}/two")
    files.move(f"{bucket}/two", f"{bucket}/three")
    files.delete_file(f"{bucket}/one")
    names = [info.base_name for info in files.get_file_info(fs.FileSelector(bucket))]
    assert names == ["three"]


def test_many_small_files_go_at_once(files: Any, bucket: str) -> None:
    for number in range(50):
        with files.open_output_stream(f"{bucket}/many/{number}") as out:
            out.write(b"x")
    files.delete_dir_contents(f"{bucket}/many")
    assert files.get_file_info(fs.FileSelector(f"{bucket}/many", allow_not_found=True)) == []


def test_parquet_is_written_and_read(files: Any, bucket: str) -> None:
    table = arrow.table({"n": range(200_000), "half": [i / 2 for i in range(200_000)]})
    parquet.write_table(table, f"{bucket}/t.parquet", filesystem=files)
    assert parquet.read_table(f"{bucket}/t.parquet", filesystem=files).equals(table)


def test_a_partitioned_dataset_is_filtered(files: Any, bucket: str) -> None:
    table = arrow.table({"year": [2025, 2025, 2026], "n": [1, 2, 3]})
    dataset.write_dataset(
        table, f"{bucket}/ds", filesystem=files, format="parquet",
        partitioning=["year"], partitioning_flavor="hive",
    )  # fmt: skip
    found = dataset.dataset(f"{bucket}/ds", filesystem=files, partitioning="hive")
    assert found.to_table(filter=dataset.field("year") == 2026)["n"].to_pylist() == [3]
