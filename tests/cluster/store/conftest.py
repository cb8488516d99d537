"""A server for the tests of a module, and what the contract's tests are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.store import Place
from tests.cluster.postgres import PostgresServer, postgres
from tests.cluster.store.cluster_stores import Keeper, empty_place
from tests.storage.conftest import (  # noqa: F401
    _only_what_is_declared,
    bucket,
    clock,
    pytest_configure,
    tidy,
)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def place(server: PostgresServer) -> Iterator[Place]:
    with empty_place(server, "shared") as made:
        yield made


@pytest.fixture(scope="module")
def keeper(place: Place) -> Iterator[Keeper]:
    made = Keeper(place)
    yield made
    made.close()
