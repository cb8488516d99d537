"""litdata: a data set is cut into chunks, uploaded, and streamed back."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.target import endpoint, noise

# These live in this suite's own environment only.
litdata = import_module("litdata")
downloader = import_module("litdata.streaming.downloader")

SAMPLES = 200
OPTIONS = {"endpoint_url": endpoint()}


def sample(number: int) -> Any:
    return {"number": number, "body": noise(5_000, number)}


@pytest.fixture(name="bucket")
def _bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # litdata has no setting that lets its obstore speak plain HTTP.
    monkeypatch.setitem(downloader._OBSTORE_CLIENT_OPTIONS, "allow_http", "true")
    monkeypatch.setenv("DATA_OPTIMIZER_CACHE_FOLDER", str(tmp_path / "chunks"))
    monkeypatch.setenv("DATA_OPTIMIZER_DATA_CACHE_FOLDER", str(tmp_path / "data"))
    with raw.new_bucket("litdata") as name:
        yield name


def optimize(where: str, **more: Any) -> None:
    litdata.optimize(
        fn=sample, inputs=list(range(SAMPLES)), output_dir=where, chunk_bytes="64KB",
        num_workers=1, storage_options=OPTIONS, verbose=False, start_method="fork", **more,
    )  # fmt: skip


def test_a_data_set_is_uploaded_and_streamed(bucket: str, tmp_path: Path) -> None:
    where = f"s3://{bucket}/sp ace/set"
    optimize(where)
    assert len([key for key in raw.listed(bucket) if key.endswith(".bin")]) > 10
    data = litdata.StreamingDataset(
        where, cache_dir=str(tmp_path / "cache"), storage_options=OPTIONS
    )
    assert len(data) == SAMPLES
    found = {item["number"]: item["body"] for item in data}
    assert found == {number: noise(5_000, number) for number in range(SAMPLES)}


def number_of(item: Any) -> int:
    """What a worker may send: bytes come as memory views, which cannot leave a process."""
    return int(item["number"])


def test_a_loader_streams_with_workers(bucket: str, tmp_path: Path) -> None:
    where = f"s3://{bucket}/set"
    optimize(where)
    data = litdata.StreamingDataset(
        where, cache_dir=str(tmp_path / "cache"), storage_options=OPTIONS, shuffle=True,
        transform=number_of,
    )  # fmt: skip
    loader = litdata.StreamingDataLoader(data, batch_size=10, num_workers=2)
    assert sorted(int(number) for batch in loader for number in batch) == list(range(SAMPLES))


def test_a_data_set_is_appended_to(bucket: str, tmp_path: Path) -> None:
    where = f"s3://{bucket}/set"
    optimize(where)
    optimize(where, mode="append")
    data = litdata.StreamingDataset(
        where, cache_dir=str(tmp_path / "cache"), storage_options=OPTIONS
    )
    assert len(data) == 2 * SAMPLES


def test_a_missing_data_set_is_told(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"(?i)index|404|not.?exist|not.?found"):
        litdata.StreamingDataset(
            f"s3://{bucket}/none", cache_dir=str(tmp_path / "cache"), storage_options=OPTIONS
        )
