"""s3fs, and pandas through it: the bucket as a folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.clients.target import MIB, endpoint, new_name, noise

# These live in this suite's own environment only.
s3fs = import_module("s3fs")
pandas = import_module("pandas")

OPTIONS = {"endpoint_url": endpoint()}


@pytest.fixture(scope="module", name="files")
def _files() -> Any:
    return s3fs.S3FileSystem(**OPTIONS, use_listings_cache=False, skip_instance_cache=True)


@pytest.fixture(name="bucket")
def _bucket(files: Any) -> Iterator[str]:
    name = new_name("s3fs")
    files.mkdir(name)
    yield name
    files.rm(name, recursive=True)


def test_a_file_is_written_and_read(files: Any, bucket: str) -> None:
    with files.open(f"{bucket}/a b/ü.txt", "w") as file:
        file.write("first\nsecond\n")
    with files.open(f"{bucket}/a b/ü.txt") as file:
        assert file.readlines() == [b"first\n", b"second\n"]
    assert files.info(f"{bucket}/a b/ü.txt")["size"] == 13


@pytest.mark.parametrize("size", [0, 1, 6 * MIB, 120 * MIB])
def test_bytes_come_back(files: Any, bucket: str, size: int) -> None:
    """From 50 MiB on s3fs writes in parts."""
    body = noise(size)
    with files.open(f"{bucket}/k", "wb") as file:
        file.write(body)
    with files.open(f"{bucket}/k", "rb", block_size=5 * MIB) as file:
        assert file.read() == body
    assert files.cat_file(f"{bucket}/k") == body


def test_seeking_reads_ranges(files: Any, bucket: str) -> None:
    body = noise(3 * MIB)
    files.pipe_file(f"{bucket}/k", body)
    with files.open(f"{bucket}/k", "rb", block_size=100_000) as file:
        file.seek(-1000, 2)
        assert file.read() == body[-1000:]
        file.seek(MIB)
        assert file.read(5) == body[MIB : MIB + 5]
    assert files.cat_file(f"{bucket}/k", start=10, end=20) == body[10:20]
    assert files.tail(f"{bucket}/k", 7) == body[-7:]


def test_folders_are_listed_walked_and_globbed(files: Any, bucket: str) -> None:
    for name in ("x/1.csv", "x/2.csv", "x/y/3.csv", "top.txt"):
        files.pipe_file(f"{bucket}/{name}", b"1")
    assert sorted(files.ls(bucket, detail=False)) == [f"{bucket}/top.txt", f"{bucket}/x"]
    assert files.isdir(f"{bucket}/x")
    assert not files.exists(f"{bucket}/nothing")
    assert len(files.glob(f"{bucket}/**/*.csv")) == 3
    assert len(files.find(bucket)) == 4
    assert files.du(bucket) == 4


def test_copies_moves_and_deletions(files: Any, bucket: str) -> None:
    files.pipe_file(f"{bucket}/d/one", b"1")
    files.copy(f"{bucket}/d/one", f"{bucket}/d/two")
    files.mv(f"{bucket}/d/two", f"{bucket}/d/three")
    assert sorted(files.find(f"{bucket}/d")) == [f"{bucket}/d/one", f"{bucket}/d/three"]
    files.rm(f"{bucket}/d", recursive=True)
    assert not files.exists(f"{bucket}/d")


def test_exclusive_creation_happens_once(files: Any, bucket: str) -> None:
    files.pipe_file(f"{bucket}/k", b"1", mode="create")
    with pytest.raises(FileExistsError):
        files.pipe_file(f"{bucket}/k", b"2", mode="create")
    assert files.cat_file(f"{bucket}/k") == b"1"


def test_trees_go_up_and_down(files: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "up" / "sub").mkdir(parents=True)
    (tmp_path / "up" / "a").write_bytes(b"a")
    (tmp_path / "up" / "sub" / "b").write_bytes(noise(100_000))
    files.put(str(tmp_path / "up"), f"{bucket}/tree", recursive=True)
    files.get(f"{bucket}/tree", str(tmp_path / "down"), recursive=True)
    assert (tmp_path / "down" / "a").read_bytes() == b"a"
    assert (tmp_path / "down" / "sub" / "b").read_bytes() == noise(100_000)


def test_metadata_is_set_and_read(files: Any, bucket: str) -> None:
    files.pipe_file(f"{bucket}/k", b"1")
    files.setxattr(f"{bucket}/k", colour="red")
    assert files.metadata(f"{bucket}/k", refresh=True) == {"colour": "red"}


def test_a_signed_url_and_a_checksum(files: Any, bucket: str) -> None:
    files.pipe_file(f"{bucket}/k", b"1")
    first = files.checksum(f"{bucket}/k")
    files.pipe_file(f"{bucket}/k", b"2")
    assert files.checksum(f"{bucket}/k", refresh=True) != first
    assert f"{bucket}/k" in files.sign(f"{bucket}/k")


def test_missing_things_are_file_not_found(files: Any, bucket: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.cat_file(f"{bucket}/none")
    with pytest.raises(FileNotFoundError):
        files.ls(new_name("none"))


@pytest.mark.parametrize("rows", [10, 500_000])
def test_pandas_writes_and_reads_parquet(bucket: str, rows: int) -> None:
    frame = pandas.DataFrame({"n": range(rows), "text": [f"row {i}" for i in range(rows)]})
    frame.to_parquet(f"s3://{bucket}/frame.parquet", storage_options=OPTIONS)
    got = pandas.read_parquet(f"s3://{bucket}/frame.parquet", storage_options=OPTIONS)
    pandas.testing.assert_frame_equal(got, frame)
    column = pandas.read_parquet(
        f"s3://{bucket}/frame.parquet", columns=["n"], storage_options=OPTIONS
    )
    assert list(column.columns) == ["n"]


def test_pandas_writes_and_reads_csv(bucket: str) -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": ["ü", "x,y"]})
    frame.to_csv(f"s3://{bucket}/frame.csv.gz", index=False, storage_options=OPTIONS)
    got = pandas.read_csv(f"s3://{bucket}/frame.csv.gz", storage_options=OPTIONS)
    pandas.testing.assert_frame_equal(got, frame)


def test_pandas_partitions_a_dataset(bucket: str) -> None:
    frame = pandas.DataFrame({"year": [2025, 2025, 2026], "value": [1.5, 2.5, 3.5]})
    where = f"s3://{bucket}/dataset"
    frame.to_parquet(where, partition_cols=["year"], storage_options=OPTIONS)
    got = pandas.read_parquet(where, filters=[("year", "=", 2026)], storage_options=OPTIONS)
    assert list(got["value"]) == [3.5]
