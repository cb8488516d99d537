"""The contract over HDFS, as far as it keeps it: a WebHDFS in memory, HttpFS, and a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from storage.backends.hdfs import HdfsBackend
from tests.storage.aws.deviations import reason_to_skip
from tests.storage.aws.remotes import Prefixed
from tests.storage.contract import BackendContract
from tests.storage.hdfs.deviations import BY_HTTPFS, HDFS
from tests.storage.hdfs.remotes import HTTPFS, IN_MEMORY, REAL, remote


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsBackend]:
    with remote(IN_MEMORY, tmp_path_factory.mktemp("dfs")) as backend:
        yield backend


@pytest.fixture(scope="module")
def by_httpfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsBackend]:
    with remote(HTTPFS, tmp_path_factory.mktemp("dfs")) as backend:
        yield backend


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsBackend]:
    with remote(REAL, tmp_path_factory.mktemp("dfs")) as backend:
        yield backend


class OverHdfs(BackendContract):
    tables: tuple[Mapping[str, str], ...] = (HDFS,)

    @pytest.fixture(autouse=True)
    def _as_far_as_it_goes(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        if reason := reason_to_skip(node.originalname, node.name, *self.tables):
            pytest.skip(reason)


class TestInMemory(OverHdfs):
    @pytest.fixture
    def backend(self, in_memory: HdfsBackend) -> Any:
        return Prefixed(in_memory)


class TestHttpFs(OverHdfs):
    tables = (HDFS, BY_HTTPFS)

    @pytest.fixture
    def backend(self, by_httpfs: HdfsBackend) -> Any:
        return Prefixed(by_httpfs)


class TestMiniDfs(OverHdfs):
    @pytest.fixture
    def backend(self, real: HdfsBackend) -> Any:
        return Prefixed(real)


def test_every_deviation_names_a_claim() -> None:
    claims = {name.partition("[")[0] for name in (*HDFS, *BY_HTTPFS)}
    assert {name for name in claims if not hasattr(BackendContract, name)} == set()
