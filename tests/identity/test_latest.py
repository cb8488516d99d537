"""What a directory does not know may be known on another machine, if there is another."""

from __future__ import annotations

import asyncio

from cluster.coordination.latest import Latest
from cluster.coordination.memory import MemoryCoordination
from s3gw.identity import users
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.vault import Vault

_SECRET = bytes(32)


class Remote(MemoryCoordination):
    """Another machine adds a user, who is readable here after a round."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0

    async def catch_up(self) -> None:
        self.rounds += 1
        elsewhere = StoredDirectory(self, Vault(_SECRET))
        await elsewhere.load()
        await users.add(elsewhere, "ann", roles=[])


def test_a_cluster_is_asked() -> None:
    async def run() -> None:
        store = Remote()
        directory = StoredDirectory(store, Vault(_SECRET), latest=Latest(store))
        await directory.load()
        assert directory.user("ann") is None
        await directory.refresh_latest()
        assert directory.user("ann") is not None
        assert store.rounds == 1

    asyncio.run(run())


def test_a_machine_that_is_alone_asks_nobody() -> None:
    """Requests with keys that do not exist wait for nothing there."""

    async def run() -> None:
        store = Remote()
        directory = StoredDirectory(store, Vault(_SECRET))
        await directory.load()
        await directory.refresh_latest()
        assert store.rounds == 0

    asyncio.run(run())
