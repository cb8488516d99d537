"""Any sequence of operations has the same answers from a cluster as from the model."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from cluster.store import ClusterOptions, Place
from storage.backend import Backend
from storage.values import BucketOptions
from tests.cluster.store.cluster_stores import Alternating, Keeper, cluster_store
from tests.storage.test_state_machine import INLINE_LIMIT, StoreMachine

SETTINGS = settings(
    max_examples=10,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.timeout(240)
def test_it_does_what_the_model_does(place: Place, keeper: Keeper) -> None:
    class ClusterMachine(StoreMachine):
        @initialize(mountpaths=st.just(1))
        def open(self, mountpaths: int) -> None:
            keeper.empty()
            self.paths = [place.folder]
            self.store = self.opened()
            self.same(lambda backend: backend.create_bucket("one", BucketOptions("owner")))

        def opened(self) -> Backend:
            options = ClusterOptions(inline_limit=INLINE_LIMIT)
            stores = [
                self.running.enter_context(cluster_store(place, self.clock, options))
                for _ in range(2)
            ]
            both: Backend = Alternating(stores)
            return both

        def collect(self) -> None:
            keeper.sweep(self.clock)

    run_state_machine_as_test(ClusterMachine, settings=SETTINGS)
