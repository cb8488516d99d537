"""s3fs and PyTorch over a bucket of a cloud: the first epoch fetches it, the second is here."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from compat.clients.cloud_bucket import CloudBucket
from compat.clients.target import MIB, endpoint, new_name, noise

# These live in this suite's own environment only.
s3fs = import_module("s3fs")
torch = import_module("torch")

SAMPLES = {f"train/{number:03}": noise(30_000 + number, number) for number in range(48)}
SHARD = "shards/0.bin"
BLOCK = MIB


@cache
def files(_process: int) -> Any:
    """A file system has an event loop: each process of a loader has its own."""
    return s3fs.S3FileSystem(endpoint_url=endpoint(), skip_instance_cache=True)


class Samples:
    """A map-style dataset: whole objects, by `cat_file`."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        content = files(os.getpid()).cat_file(self._paths[number])
        return torch.frombuffer(bytearray(content), dtype=torch.uint8)


class Blocks:
    """A map-style dataset: pieces of one long object, each read at its place by a range."""

    def __init__(self, path: str, count: int) -> None:
        self._path, self._count = path, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Any:
        with files(os.getpid()).open(self._path, "rb", cache_type="none") as file:
            file.seek(number * BLOCK)
            return torch.frombuffer(bytearray(file.read(BLOCK)), dtype=torch.uint8)


@pytest.fixture
def cloud() -> CloudBucket:
    """A bucket that the server knows: S3's clients cannot say whose it is."""
    bucket = CloudBucket(new_name("train"))
    native("HEAD", bucket.name)
    return bucket


def native(method: str, bucket: str, message: dict[str, Any] | None = None) -> bytes:
    request = urllib.request.Request(
        f"{endpoint()}/v1/buckets/{bucket}?provider=aws",
        data=None if message is None else json.dumps(message).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['AIS_AUTHN_TOKEN']}",
            "Accept": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
        return body


def names_here(bucket: str) -> set[str]:
    """Those that are here; the cloud is not requested for them."""
    message = {"action": "list", "value": {"props": "name", "flags": "1"}}
    entries = json.loads(native("GET", bucket, message))["entries"]
    return {entry["name"] for entry in entries or ()}


def epoch(dataset: Any) -> Iterator[bytes]:
    """Read all items in a random order, in two processes."""
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, shuffle=True, num_workers=2)
    for item in loader:
        yield item.numpy().tobytes()


def test_the_second_epoch_makes_no_request_of_the_cloud(cloud: CloudBucket) -> None:
    for name, content in SAMPLES.items():
        cloud.put(name, content)
    paths = files(os.getpid()).find(f"{cloud.name}/train/")
    assert len(paths) == len(SAMPLES)
    before = cloud.requests("GET")
    assert sorted(epoch(Samples(paths))) == sorted(SAMPLES.values())
    assert cloud.requests("GET") - before == len(SAMPLES)
    before = cloud.requests()
    assert sorted(epoch(Samples(paths))) == sorted(SAMPLES.values())
    assert cloud.requests() == before


def test_ranges_of_a_long_object_are_read_here_in_the_second_epoch(cloud: CloudBucket) -> None:
    content = noise(6 * MIB + 1000, 7)
    cloud.put(SHARD, content)
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    dataset = Blocks(f"{cloud.name}/{SHARD}", len(blocks))
    assert sorted(epoch(dataset)) == sorted(blocks)
    # The whole follows the first range, and the reader of a range does not wait for it.
    while names_here(cloud.name) != {SHARD}:
        pass
    before = cloud.requests()
    assert sorted(epoch(dataset)) == sorted(blocks)
    assert cloud.requests() == before
