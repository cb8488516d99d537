"""polars: tables that are scanned and sunk, read by ranges from the end."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.target import endpoint, keys, new_name

# It lives in this suite's own environment only.
polars = import_module("polars")


def options() -> dict[str, str]:
    key, secret = keys()
    return {
        "aws_endpoint_url": endpoint(),
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    }


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("polars") as name:
        yield name


def frame(rows: int) -> Any:
    return polars.DataFrame({"n": range(rows), "text": [f"row {n}" for n in range(rows)]})


@pytest.mark.parametrize("rows", [0, 10, 3_000_000])
def test_parquet_is_written_and_read(bucket: str, rows: int) -> None:
    """The largest is more than one part."""
    frame(rows).write_parquet(f"s3://{bucket}/sp ace/t.parquet", storage_options=options())
    got = polars.read_parquet(f"s3://{bucket}/sp ace/t.parquet", storage_options=options())
    assert got.equals(frame(rows))


def test_a_scan_reads_the_columns_and_rows_it_needs(bucket: str) -> None:
    frame(500_000).write_parquet(f"s3://{bucket}/t.parquet", storage_options=options())
    scan = polars.scan_parquet(f"s3://{bucket}/t.parquet", storage_options=options())
    got = scan.filter(polars.col("n") >= 499_998).select("n").collect()
    assert got["n"].to_list() == [499_998, 499_999]


def test_a_query_is_sunk_without_being_gathered(bucket: str) -> None:
    frame(1000).lazy().sink_parquet(f"s3://{bucket}/sunk.parquet", storage_options=options())
    scan = polars.scan_parquet(f"s3://{bucket}/sunk.parquet", storage_options=options())
    assert scan.select(polars.col("n").sum()).collect().item() == 499_500


def test_many_files_are_one_table(bucket: str) -> None:
    for number in range(3):
        where = f"s3://{bucket}/year={2024 + number}/part.parquet"
        frame(10).write_parquet(where, storage_options=options())
    scan = polars.scan_parquet(
        f"s3://{bucket}/**/*.parquet", hive_partitioning=True, storage_options=options()
    )
    assert scan.filter(polars.col("year") > 2024).collect().height == 20


@pytest.mark.parametrize("kind", ["csv", "ipc", "ndjson"])
def test_other_formats_go_and_come(bucket: str, kind: str) -> None:
    where = f"s3://{bucket}/t.{kind}"
    getattr(frame(100).lazy(), f"sink_{kind}")(where, storage_options=options())
    got = getattr(polars, f"scan_{kind}")(where, storage_options=options()).collect()
    assert got.equals(frame(100))


def test_a_missing_file_and_a_missing_bucket_are_told(bucket: str) -> None:
    for where in (f"s3://{bucket}/none.parquet", f"s3://{new_name('none')}/none.parquet"):
        with pytest.raises(
            Exception, match=r"(?i)404|not.?found|no such|expanded paths were empty"
        ):
            polars.read_parquet(where, storage_options=options())
