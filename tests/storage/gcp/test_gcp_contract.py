"""The contract over Cloud Storage, as far as it keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from storage.backends.gcp import GcpBackend
from tests.storage.aws.deviations import reason_to_skip
from tests.storage.aws.remotes import Prefixed
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run
from tests.storage.gcp.deviations import GCS
from tests.storage.gcp.remotes import cloud_storage, options_for


@pytest.fixture(scope="module")
def over_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpBackend]:
    with cloud_storage(tmp_path_factory.mktemp("cloud")) as endpoint:
        backend = GcpBackend(options_for(endpoint))
        yield backend
        run(backend.aclose())


class OverGcs(BackendContract):
    deviations: ClassVar[Mapping[str, str]]

    @pytest.fixture(autouse=True)
    def _as_far_as_gcs_keeps_it(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        if reason := reason_to_skip(node.originalname, node.name, GCS, self.deviations):
            pytest.skip(reason)


class TestInMemory(OverGcs):
    deviations: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def backend(self, over_memory: GcpBackend) -> Any:
        return Prefixed(over_memory)
