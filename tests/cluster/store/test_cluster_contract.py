"""The store of a cluster keeps the contract: by one process, and by two in turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cluster.store import ClusterOptions, ClusterStore, Place
from storage.backend import Backend
from tests.cluster.store.cluster_stores import Alternating, Keeper, TurnedClock, cluster_store
from tests.storage.contract import BackendContract
from tests.storage.contract_chunks import ChunksContract
from tests.storage.contract_completion import CompletionContract
from tests.storage.contract_reading import ReadingContract
from tests.storage.contract_reading_many import ReadingManyContract
from tests.storage.encrypting import Encrypting
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import Tidy

NOTHING_INLINE = ClusterOptions(inline_limit=0)


@pytest.fixture(scope="module")
def turned() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(scope="module")
def stores(place: Place, turned: TurnedClock) -> Iterator[list[ClusterStore]]:
    """Two with the usual options, two with nothing in the index."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(cluster_store(place, turned, options))
            for options in (ClusterOptions(), ClusterOptions(), NOTHING_INLINE, NOTHING_INLINE)
        ]


@pytest.fixture
def fresh(
    stores: list[ClusterStore], turned: TurnedClock, clock: FakeClock, keeper: Keeper
) -> list[ClusterStore]:
    """The same with nothing in them, on the clock of the test."""
    turned.shown = clock
    keeper.empty()
    return stores


class Sweeping:
    @pytest.fixture
    def tidy(self, keeper: Keeper, clock: FakeClock) -> Tidy:
        def sweep() -> None:
            keeper.sweep(clock)

        return sweep


class TestOne(Sweeping, BackendContract):
    @pytest.fixture
    def backend(self, fresh: list[ClusterStore]) -> Backend:
        return fresh[0]


class TestTwoInTurns(Sweeping, BackendContract):
    """Nothing is in the memory of one process that another has to know."""

    @pytest.fixture
    def backend(self, fresh: list[ClusterStore]) -> Any:
        return Alternating(fresh[2:])


class TestEncrypted(
    Sweeping, ReadingContract, ReadingManyContract, CompletionContract, ChunksContract
):
    """What is encrypted behaves as what is not."""

    @pytest.fixture
    def backend(self, fresh: list[ClusterStore]) -> Any:
        return Encrypting(fresh[0])
