"""One PostgreSQL server for a module, and an empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.postgres import PostgresServer, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture
def address(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    """An empty database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    server.run(f"CREATE DATABASE {name}")
    return server.address(name)
