"""One PostgreSQL server for a module, and two nodes on a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.database.connecting import Database
from tests.cluster.coordination.nodes import Node, new_database
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.event_loop import run

_EMPTY = """
TRUNCATE s3gw.entries, s3gw.entry_log, s3gw.replicas, s3gw.done;
UPDATE s3gw.entry_state SET revision = 0, compacted = 0, write = gen_random_uuid();
UPDATE s3gw.cluster SET id = gen_random_uuid();
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def database(server: PostgresServer) -> str:
    """The address of a database with the schema."""
    address = new_database(server)
    run(_migrate(address))
    return address


@pytest.fixture
def address(server: PostgresServer, database: str) -> str:
    """The address of a database without entries."""
    server.run(_EMPTY, database.rpartition("/")[2])
    return database


async def _migrate(address: str) -> None:
    database = Database(address)
    await database.open()
    await database.close()


@pytest.fixture
def node(address: str, tmp_path: Path) -> Node:
    return Node(address, tmp_path / "node-a")


@pytest.fixture
def other(address: str, tmp_path: Path) -> Node:
    return Node(address, tmp_path / "node-b")
