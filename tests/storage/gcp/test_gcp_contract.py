"""The contract over Cloud Storage, as far as it keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from storage.backends.gcp import GcpBackend
from storage.capabilities import NO_CAPABILITIES
from tests.storage.aws.deviations import reason_to_skip
from tests.storage.aws.remotes import Prefixed
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run
from tests.storage.gcp.deviations import FAKE, GCS
from tests.storage.gcp.remotes import cloud_storage, fake_gcs_server, options_for


@pytest.fixture(scope="module")
def over_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpBackend]:
    with cloud_storage(tmp_path_factory.mktemp("cloud")) as endpoint:
        backend = GcpBackend(options_for(endpoint))
        yield backend
        run(backend.aclose())


@pytest.fixture(scope="module")
def over_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpBackend]:
    with fake_gcs_server(tmp_path_factory.mktemp("fake")) as endpoint:
        backend = WithoutUploads(options_for(endpoint))
        yield backend
        run(backend.aclose())


class WithoutUploads(GcpBackend):
    """fake-gcs-server has no uploads in parts, which are requests of the XML API."""

    capabilities = NO_CAPABILITIES


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


class TestFakeGcsServer(OverGcs):
    deviations = FAKE

    @pytest.fixture
    def backend(self, over_fake: GcpBackend) -> Any:
        return Prefixed(over_fake)


def test_every_deviation_names_a_claim() -> None:
    names = [*GCS, *FAKE]
    claims = {name.partition("[")[0] for name in names}
    assert {name for name in claims if not hasattr(BackendContract, name)} == set()
    assert len(names) == len(set(names))
