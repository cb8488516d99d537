"""s3torchconnector: datasets and checkpoints of PyTorch, over mountpoint's client.

It writes everything in parts, even nothing, and reads what it does not know the size of by ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.target import MIB, endpoint, new_name, noise

# These live in this suite's own environment only.
connector = import_module("s3torchconnector")
torch = import_module("torch")

REGION = "us-east-1"


def where() -> dict[str, Any]:
    return {"region": REGION, "endpoint": endpoint()}


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("torch") as name:
        yield name


@pytest.mark.parametrize("style", [True, False], ids=["path", "default"])
@pytest.mark.parametrize("size", [0, 1, 100_000, 30 * MIB])
def test_a_stream_is_written_and_read(bucket: str, size: int, style: bool) -> None:
    config = connector.S3ClientConfig(force_path_style=style, part_size=8 * MIB)
    checkpoint = connector.S3Checkpoint(**where(), s3client_config=config)
    body = noise(size)
    with checkpoint.writer(f"s3://{bucket}/deep/sp ace/ü+%20") as writer:
        writer.write(body)
    assert raw.get(bucket, "deep/sp ace/ü+%20") == body
    with checkpoint.reader(f"s3://{bucket}/deep/sp ace/ü+%20") as reader:
        assert reader.read() == body


def test_a_checkpoint_is_saved_and_loaded(bucket: str) -> None:
    model = torch.nn.Linear(1000, 1000)
    checkpoint = connector.S3Checkpoint(**where())
    with checkpoint.writer(f"s3://{bucket}/epoch0.ckpt") as writer:
        torch.save(model.state_dict(), writer)
    with checkpoint.reader(f"s3://{bucket}/epoch0.ckpt") as reader:
        state = torch.load(reader)
    assert torch.equal(state["weight"], model.weight)


def test_a_distributed_checkpoint_is_saved_and_loaded(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader and writer have no parameter for the endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint())
    dcp = import_module("torch.distributed.checkpoint")
    ours = import_module("s3torchconnector.dcp")
    model, other = torch.nn.Linear(100, 100), torch.nn.Linear(100, 100)
    path = f"s3://{bucket}/dcp/epoch0"
    told = {"region": REGION, "s3client_config": connector.S3ClientConfig()}
    dcp.save(model.state_dict(), storage_writer=ours.S3StorageWriter(path=path, **told))
    state = other.state_dict()
    dcp.load(state, storage_reader=ours.S3StorageReader(path=path, **told))
    assert torch.equal(state["weight"], model.weight)


def test_a_map_dataset_finds_items_by_their_number(bucket: str) -> None:
    for number in range(10):
        raw.put(bucket, f"train/{number}", str(number).encode())
    dataset = connector.S3MapDataset.from_prefix(f"s3://{bucket}/train/", **where())
    assert len(dataset) == 10
    assert (dataset[7].key, dataset[7].read()) == ("train/7", b"7")


def test_an_iterable_dataset_follows_many_pages(bucket: str) -> None:
    raw.put_many(bucket, [f"many/{number:04d}" for number in range(1_005)])
    dataset = connector.S3IterableDataset.from_prefix(f"s3://{bucket}/many/", **where())
    assert len([item.key for item in dataset]) == 1_005


def test_workers_of_a_loader_read_side_by_side(bucket: str) -> None:
    for number in range(8):
        raw.put(bucket, f"train/{number}", noise(10_000, number))
    dataset = connector.S3IterableDataset.from_prefix(
        f"s3://{bucket}/train/", **where(), transform=lambda item: item.read(), enable_sharding=True
    )
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2)
    assert sorted(loader) == sorted(noise(10_000, number) for number in range(8))


def test_a_reader_seeks(bucket: str) -> None:
    body = noise(20 * MIB)
    raw.put(bucket, "k", body)
    dataset = connector.S3MapDataset.from_objects([f"s3://{bucket}/k"], **where())
    item = dataset[0]
    item.seek(-100, 2)
    assert item.read() == body[-100:]
    item.seek(10 * MIB)
    assert item.read(50) == body[10 * MIB : 10 * MIB + 50]


def test_missing_things_are_told(bucket: str) -> None:
    for uri in (f"s3://{bucket}/none", f"s3://{new_name('none')}/none"):
        item = connector.S3MapDataset.from_objects([uri], **where())[0]
        with pytest.raises(connector.S3Exception, match=r"(?i)NoSuch|not exist|not found"):
            item.read()
