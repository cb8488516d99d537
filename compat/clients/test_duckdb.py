"""DuckDB with httpfs: SQL over parquet and CSV, read by ranges."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest

from compat.clients import raw
from compat.clients.relay import relay
from compat.clients.target import MIB, domain, endpoint, keys, new_name

# These live in this suite's own environment only.
duckdb = import_module("duckdb")
extensions = import_module("duckdb_extensions")


def connect(address: str, style: str = "path") -> Any:
    database = duckdb.connect()
    extensions.import_extension("httpfs", con=database)
    key, secret = keys()
    parts = urlsplit(address)
    database.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION 'us-east-1',"
        f" ENDPOINT '{parts.netloc}', URL_STYLE '{style}',"
        f" USE_SSL {str(parts.scheme == 'https').lower()})"
    )
    return database


@pytest.fixture(scope="module", name="database")
def _database() -> Any:
    return connect(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("duckdb") as name:
        yield name


@pytest.mark.parametrize("rows", [10, 10_000_000])
def test_parquet_is_written_and_read(database: Any, bucket: str, rows: int) -> None:
    """The larger is written in parts."""
    where = f"s3://{bucket}/sp ace/ü+%20.parquet"
    database.execute(f"COPY (SELECT range AS n, hash(range) AS h FROM range({rows})) TO '{where}'")
    assert (len(raw.get(bucket, "sp ace/ü+%20.parquet")) > 50 * MIB) == (rows > 10)
    got = database.execute(f"SELECT count(*), sum(n) FROM '{where}'").fetchone()
    assert got == (rows, rows * (rows - 1) // 2)


def test_a_filter_reads_a_part_of_the_file(database: Any, bucket: str) -> None:
    database.execute(f"COPY (SELECT range AS n FROM range(1000000)) TO 's3://{bucket}/t.parquet'")
    found = database.execute(f"SELECT n FROM 's3://{bucket}/t.parquet' WHERE n > 999997")
    assert found.fetchall() == [(999_998,), (999_999,)]


def test_a_glob_lists_and_partitions_are_columns(database: Any, bucket: str) -> None:
    database.execute(
        "COPY (SELECT range AS n, range % 3 AS third FROM range(9))"
        f" TO 's3://{bucket}/ds' (FORMAT parquet, PARTITION_BY (third))"
    )
    found = database.execute(
        f"SELECT count(*) FROM 's3://{bucket}/ds/**/*.parquet' WHERE third = 1"
    )
    assert found.fetchone() == (3,)
    files = database.execute(f"FROM glob('s3://{bucket}/ds/**')").fetchall()
    assert len(files) == 3


def test_csv_goes_and_comes(database: Any, bucket: str) -> None:
    database.execute(f"COPY (SELECT 1 AS a, 'x,y' AS b) TO 's3://{bucket}/t.csv'")
    assert database.execute(f"FROM 's3://{bucket}/t.csv'").fetchall() == [(1, "x,y")]


def test_a_listing_of_many_pages_is_followed(database: Any, bucket: str) -> None:
    raw.put_many(bucket, [f"many/{number:04d}" for number in range(1_005)])
    assert len(database.execute(f"FROM glob('s3://{bucket}/many/*')").fetchall()) == 1_005


def test_missing_things_are_told(database: Any, bucket: str) -> None:
    with pytest.raises(Exception, match=r"404|No files found"):
        database.execute(f"FROM 's3://{bucket}/none.parquet'")
    with pytest.raises(Exception, match=r"404|NoSuchBucket"):
        database.execute(f"COPY (SELECT 1) TO 's3://{new_name('none')}/t.parquet'")


def test_a_bucket_may_stand_in_the_host_name(bucket: str) -> None:
    with relay() as relayed:
        database = connect(relayed.endpoint, "vhost")
        database.execute(f"SET http_proxy = '127.0.0.1:{relayed.port}'")
        database.execute(f"COPY (SELECT 1 AS a) TO 's3://{bucket}/t.parquet'")
        assert database.execute(f"FROM 's3://{bucket}/t.parquet'").fetchall() == [(1,)]
        database.close()
    assert f"{bucket}.{domain()}" in relayed.hosts
