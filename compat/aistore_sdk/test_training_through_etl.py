"""PyTorch's loaders, with workers of their own, over samples that a transformer makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import fill, new_name
from compat.clients.target import noise
from compat.server import Server

# These live in this suite's own environments only.
sdk: Any = import_module("aistore.sdk")
datasets: Any = import_module("aistore.pytorch")
loading: Any = import_module("torch.utils.data")

_TRANSFORMER = Path(__file__).resolve().parents[2] / "tests" / "etl" / "transformer.py"
SAMPLES = {f"train/{number:03}": noise(1000 + number, number) for number in range(60)}
REVERSED = {name: body[::-1] for name, body in SAMPLES.items()}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server with transformers."""
    server = Server(
        tmp_path_factory.mktemp("etl"),
        options=("--etl", "--no-auth", "--workers", "2"),
        python=os.environ["COMPAT_SERVER_PYTHON"],
    )
    server.start()
    try:
        yield sdk.Client(server.endpoint)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def etl(client: Any) -> str:
    made = client.etl(new_name())
    made.init(image="reverse", command=[sys.executable, str(_TRANSFORMER)])
    return str(made.name)


@pytest.fixture(scope="module")
def samples(client: Any) -> Any:
    return fill(client.bucket(new_name()).create(), SAMPLES)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["AISMapDataset", "AISIterDataset"])
def test_a_loader_reads_transformed_samples(
    samples: Any, etl: str, kind: str, workers: int
) -> None:
    dataset = getattr(datasets, kind)(samples, etl_name=etl)
    loader = loading.DataLoader(dataset, batch_size=None, num_workers=workers)
    seen = [(name, bytes(body)) for name, body in loader]
    # Each worker of an iterable dataset reads a share, or all of it: the SDK decides.
    assert dict(seen) == REVERSED


def test_epochs_are_shuffled_and_whole(samples: Any, etl: str) -> None:
    dataset = datasets.AISMapDataset(samples, etl_name=etl)
    orders = []
    for _ in range(2):
        loader = loading.DataLoader(dataset, batch_size=None, shuffle=True, num_workers=2)
        seen = [(name, bytes(body)) for name, body in loader]
        assert (len(seen), dict(seen)) == (len(SAMPLES), REVERSED)
        orders.append([name for name, _ in seen])
    assert orders[0] != orders[1]
