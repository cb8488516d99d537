"""A server for the tests of a module, and what the contract's tests are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.postgres import PostgresServer, postgres
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
