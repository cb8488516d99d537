"""The front door: before the model store, the local one, and two stores of a cluster in turns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from s3gw.keys.ring import new_ring
from storage.backend import Store
from storage.backends.local import StoreOptions
from storage.backends.memory import MemoryBackend
from storage.clock import SystemClock
from tests.cluster.postgres import postgres
from tests.cluster.store.cluster_stores import AlternatingLater, empty_place
from tests.s3.gateway import BOB, Gateway
from tests.storage.local_stores import local_store, mountpaths_in

_HERE = Path(__file__).parent
# Only these are tried on all stores, unless `S3_ON_ALL_STORES` is set. A store's contract has tests
# of its own, and the whole suite takes minutes on each.
ON_ALL = ("test_conditions", "test_model", "test_multipart", "test_objects", "test_versioning")
_OTHERS = ("[memory", "[cluster")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "S3_ON_ALL_STORES" not in os.environ:
        items[:] = [each for each in items if not _is_left_out(each)]


def _is_left_out(item: pytest.Item) -> bool:
    is_on_another = any(each in item.name for each in _OTHERS)
    return item.path.parent == _HERE and is_on_another and item.path.stem not in ON_ALL


@contextmanager
def backend_of(kind: str, folder: Path) -> Iterator[Store]:
    if kind == "memory":
        yield MemoryBackend()
        return
    if kind == "cluster":
        with postgres() as server, empty_place(server, "s3") as place:
            yield AlternatingLater(place)
        return
    paths = mountpaths_in(folder, 2)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        yield store


@pytest.fixture(scope="session", params=["memory", "local", "cluster"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    ring.create("team-a")
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as backend:
        gateway = Gateway(backend, keys=ring)
        if isinstance(backend, AlternatingLater):
            gateway.server.run(backend.open())
        yield gateway
        if isinstance(backend, AlternatingLater):
            gateway.server.run(backend.close())
        gateway.close()


@pytest.fixture
def s3(gateway: Gateway) -> Any:
    """Alice's client."""
    return gateway.client()


@pytest.fixture
def bobs(gateway: Gateway) -> Any:
    return gateway.client(BOB)


@pytest.fixture
def bucket(gateway: Gateway) -> str:
    """An empty bucket of Alice's."""
    return gateway.new_bucket()
