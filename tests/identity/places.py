"""Directories on a store of their own, for tests that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cluster.coordination import Put
from cluster.coordination.embedded import EmbeddedCoordination, prepare
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.protocol import User
from s3gw.identity.records import CLUSTER_ID
from s3gw.identity.vault import Vault
from storage.clock import Clock
from tests.storage.event_loop import run

MASTER = bytes(range(32))
CLUSTER = "cluster-1"
# When a test's clock begins.
START_S = 1_700_000_000


def made(name: str, roles: tuple[str, ...] = (), *, enabled: bool = True) -> User:
    """A user that a test made before it moved its clock."""
    return User(name, roles, enabled, created_s=START_S)


def new_store(folder: Path) -> Path:
    """A coordination store in which the cluster has its id."""
    path = folder / "coordination.db"
    prepare(path)
    with closing(EmbeddedCoordination(path)) as coordination:
        run(coordination.transact([], [Put(CLUSTER_ID, CLUSTER.encode())]))
    return path


@contextmanager
def opened(path: Path, clock: Clock, master: bytes = MASTER) -> Iterator[StoredDirectory]:
    """As one process of the server has it."""
    with closing(EmbeddedCoordination(path)) as coordination:
        directory = StoredDirectory(coordination, Vault(master), clock=clock)
        run(directory.load())
        yield directory
