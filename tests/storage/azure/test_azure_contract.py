"""The contract over Azure Blob Storage, as far as it keeps it: Azurite as the remote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storage.backends.azure import AzureBackend
from tests.storage.aws.deviations import reason_to_skip
from tests.storage.aws.remotes import Prefixed
from tests.storage.azure.azurite import azurite
from tests.storage.azure.deviations import AZURE, AZURITE
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureBackend]:
    with azurite(tmp_path_factory.mktemp("azurite")) as service:
        backend = AzureBackend(service.options())
        yield backend
        run(backend.aclose())


class TestAzurite(BackendContract):
    @pytest.fixture(autouse=True)
    def _as_far_as_azure_keeps_it(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        if reason := reason_to_skip(node.originalname, node.name, AZURE, AZURITE):
            pytest.skip(reason)

    @pytest.fixture
    def backend(self, remote: AzureBackend) -> Any:
        return Prefixed(remote)


def test_every_deviation_names_a_claim() -> None:
    names = [*AZURE, *AZURITE]
    claims = {name.partition("[")[0] for name in names}
    assert {name for name in claims if not hasattr(BackendContract, name)} == set()
    assert len(names) == len(set(names))
