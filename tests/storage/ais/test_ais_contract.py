"""The contract over another cluster, as far as AIStore's native API keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storage.backends.ais import AisBackend
from tests.storage.ais.deviations import AIS
from tests.storage.ais.remotes import Attached, InCluster, backend_of, cluster
from tests.storage.aws.deviations import reason_to_skip
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def over_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AisBackend]:
    with cluster(tmp_path_factory.mktemp("far")) as endpoint:
        backend = run(backend_of(endpoint))
        yield backend
        run(backend.aclose())


class TestCluster(BackendContract):
    @pytest.fixture(autouse=True)
    def _as_far_as_it_goes(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        if reason := reason_to_skip(node.originalname, node.name, AIS):
            pytest.skip(reason)

    @pytest.fixture
    def backend(self, over_cluster: AisBackend) -> Any:
        clusters = over_cluster.clusters
        assert isinstance(clusters, Attached)
        return InCluster(over_cluster, clusters.clusters[0].uuid)


def test_every_deviation_names_a_claim() -> None:
    claims = {name.partition("[")[0] for name in AIS}
    assert {name for name in claims if not hasattr(BackendContract, name)} == set()
