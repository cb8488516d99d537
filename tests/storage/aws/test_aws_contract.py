"""The contract over S3, as far as S3 keeps it: moto and this project's gateway as the remote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from storage.backends.aws import AwsBackend
from tests.storage.aws.deviations import GATEWAY, MOTO, S3, reason_to_skip
from tests.storage.aws.remotes import Prefixed, gateway, moto, options_for
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def over_moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsBackend]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        backend = AwsBackend(options_for(endpoint))
        yield backend
        run(backend.aclose())


@pytest.fixture(scope="module")
def over_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsBackend]:
    with gateway(tmp_path_factory.mktemp("gateway")) as endpoint:
        backend = AwsBackend(options_for(endpoint))
        yield backend
        run(backend.aclose())


class OverS3(BackendContract):
    deviations: ClassVar[Mapping[str, str]]

    @pytest.fixture(autouse=True)
    def _as_far_as_s3_keeps_it(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        if reason := reason_to_skip(node.originalname, node.name, S3, self.deviations):
            pytest.skip(reason)


class TestMoto(OverS3):
    deviations = MOTO

    @pytest.fixture
    def backend(self, over_moto: AwsBackend) -> Any:
        return Prefixed(over_moto)


class TestGateway(OverS3):
    deviations = GATEWAY

    @pytest.fixture
    def backend(self, over_gateway: AwsBackend) -> Any:
        return Prefixed(over_gateway)


def test_every_deviation_names_a_claim() -> None:
    names = [*S3, *MOTO, *GATEWAY]
    claims = {name.partition("[")[0] for name in names}
    assert {name for name in claims if not hasattr(BackendContract, name)} == set()
    assert len(names) == len(set(names))
