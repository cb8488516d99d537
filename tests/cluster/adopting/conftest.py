"""A server for the tests of a module, and a store of one machine that has everything."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from cluster.store import Place
from tests.cluster.adopting.full_store import fill, opened
from tests.cluster.postgres import PostgresServer, postgres
from tests.cluster.store.cluster_stores import MEMORY, NODE, Keeper
from tests.storage.local_stores import mountpaths_in

_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled")
    with opened(mountpaths_in(root, 2)) as store:
        fill(store)
    return root


@pytest.fixture
def folder() -> Iterator[Path]:
    """One file system for both: in memory it is faster, as hundreds of folders are made."""
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="s3gw-adopting-", dir=where) as made:
        yield Path(made)


@pytest.fixture
def data(filled: Path, folder: Path) -> list[Path]:
    """The data folders of a full store, for this test alone."""
    root = folder / "data"
    shutil.copytree(filled, root)
    return mountpaths_in(root, 2)


@pytest.fixture
def place(server: PostgresServer, folder: Path) -> Place:
    """An empty database, and a shared folder that is not there yet."""
    database = f"adopting_{next(_numbers)}"
    server.run(f"CREATE DATABASE {database}")
    return Place(server.address(database), folder / "shared", NODE)


@pytest.fixture
def keep(place: Place) -> Iterator[Callable[[], Keeper]]:
    """Open the test's own connection, which also makes the schema."""
    opened: list[Keeper] = []

    def keeper() -> Keeper:
        opened.append(Keeper(place))
        return opened[-1]

    yield keeper
    for each in opened:
        each.close()
