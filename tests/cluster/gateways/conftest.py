"""A database server for a module, and two running gateways on it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.cluster.gateways.scene import GatewayCluster, gateway_cluster
from tests.cluster.postgres import PostgresServer, postgres
from tests.server_process import ServerProcess


class Pair(NamedTuple):
    cluster: GatewayCluster
    one: ServerProcess
    other: ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture
def cluster(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayCluster]:
    """A cluster of this test's own, of which nothing runs yet."""
    with gateway_cluster(server, tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def pair(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two gateways that were started at the same time, for the tests of a module."""
    with gateway_cluster(server, tmp_path_factory.mktemp("pair")) as made:
        nodes = [made.node("one"), made.node("other")]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(ServerProcess.start, nodes))
        yield Pair(made, *nodes)
