"""The store of a cluster keeps the contract: by one process, and by two in turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.store import ClusterOptions, Place
from storage.backend import Backend
from tests.cluster.postgres import PostgresServer
from tests.cluster.store.cluster_stores import Alternating, cluster_store, empty_place, sweep
from tests.storage.contract import BackendContract
from tests.storage.encrypting import Encrypting
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import Tidy


class ClusterContract(BackendContract):
    @pytest.fixture
    def place(self, server: PostgresServer, tmp_path: Path) -> Place:
        return empty_place(server, tmp_path / "shared")

    @pytest.fixture
    def tidy(self, place: Place) -> Tidy:
        return lambda: sweep(place)


class TestOne(ClusterContract):
    @pytest.fixture
    def backend(self, place: Place, clock: FakeClock) -> Iterator[Backend]:
        with cluster_store(place, clock) as store:
            yield store


class TestTwoInTurns(ClusterContract):
    """Nothing is in the memory of one process that another has to know."""

    @pytest.fixture
    def backend(self, place: Place, clock: FakeClock) -> Iterator[Any]:
        options = ClusterOptions(inline_limit=0)
        with ExitStack() as stack:
            stores = [stack.enter_context(cluster_store(place, clock, options)) for _ in range(2)]
            yield Alternating(stores)


class TestEncrypted(ClusterContract):
    """What is encrypted behaves as what is not."""

    @pytest.fixture
    def backend(self, place: Place, clock: FakeClock) -> Iterator[Any]:
        with cluster_store(place, clock) as store:
            yield Encrypting(store)
