"""Identity and settings on two nodes: clients of one meet what the other changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cluster.coordination.replica import CURRENT_S
from s3gw.config.runtime import configured
from s3gw.config.schema import Config
from s3gw.config.stored import StoredSettings
from s3gw.identity import keys as user_keys
from s3gw.identity import users
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.vault import Vault
from storage.errors import DatabaseUnavailable
from tests.cluster.coordination.nodes import Door, Node, until
from tests.cluster.coordination.test_replica import Clock
from tests.cluster.postgres import PostgresServer
from tests.identity.places import MASTER
from tests.server_process import eventually
from tests.storage.event_loop import run
from tests.sts.scene import ROOT, Scene, ShiftedClock, refused

# A key of AIStore's configuration.
SOFT_ERRORS = "get_batch.max_soft_errs"
_NS = 1_000_000_000


class NodeScene(Scene):
    """The front doors of a node, and what follows the log for it."""

    def __init__(self, node: Node, now_ns: Clock) -> None:
        clock = ShiftedClock()
        self.door = Door(node.address, node.folder, now_ns=now_ns, patience_s=1)
        coordination = self.door.coordination
        super().__init__(StoredDirectory(coordination, Vault(MASTER), clock=clock), clock)
        self._node, self._now_ns = node, now_ns
        self._following = AsyncExitStack()
        self.run(self.door.open())
        self.run(self.directory.load())

    def follow(self) -> None:
        following = self._node.following(now_ns=self._now_ns)
        self.run(self._following.enter_async_context(following))

    def stop_following(self) -> None:
        self.run(self._following.aclose())

    def close(self) -> None:
        self.stop_following()
        self.run(self.door.close())
        super().close()


@contextmanager
def front_doors(node: Node, clock: Clock) -> Iterator[NodeScene]:
    scene = NodeScene(node, clock)
    try:
        scene.follow()
        scene.run(until(scene.door.replica.is_current))
        yield scene
    finally:
        scene.close()


def answer_to(client: Any) -> tuple[int, str]:
    try:
        client.list_buckets()
    except ClientError as error:
        told = error.response
        return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]
    return 200, ""


def test_a_key_that_one_node_disabled_is_refused_by_the_other(node: Node, other: Node) -> None:
    with front_doors(node, Clock()) as here, front_doors(other, Clock()) as there:
        key = here.new_user(here.new_role().name)
        client = there.s3(key)
        eventually(lambda: answer_to(client) == (200, ""), "the other node knows the key")
        here.run(user_keys.set_enabled(here.directory, key.access_key, enabled=False))
        assert answer_to(here.s3(key)) == (403, "InvalidAccessKeyId")
        eventually(
            lambda: answer_to(client) == (403, "InvalidAccessKeyId"), "the other node refuses it"
        )


def test_administrators_on_two_nodes_do_not_undo_one_another(node: Node, other: Node) -> None:
    """Nothing follows the log for them: a change is compared with the database."""

    async def scenario() -> None:
        async with node.door() as one, other.door() as two:
            directories = [StoredDirectory(door.coordination, Vault(MASTER)) for door in (one, two)]
            for directory in directories:
                await directory.load()
                with pytest.raises(DatabaseUnavailable):
                    await directory.refresh()
            async with asyncio.TaskGroup() as tasks:
                for directory, letter in zip(directories, "ab", strict=True):
                    tasks.create_task(add_users(directory, letter))
            for door, directory in zip((one, two), directories, strict=True):
                await door.coordination.catch_up()
                await directory.catch_up()
                assert len(directory.all_users()) == 10

    run(scenario())


async def add_users(directory: StoredDirectory, letter: str) -> None:
    for number in range(5):
        await users.add(directory, f"user-{letter}-{number}", roles=[])


def test_a_node_without_news_refuses_who_could_be_disabled(node: Node) -> None:
    clock = Clock()
    with front_doors(node, clock) as scene:
        key = scene.new_user(scene.new_role().name)
        assert answer_to(scene.s3(key)) == (200, "")
        scene.stop_following()
        clock.now_ns += CURRENT_S * _NS + 1
        assert answer_to(scene.s3(key)) == (503, "SlowDown")
        with pytest.raises(ClientError) as error:
            scene.sts(key).get_caller_identity()
        assert refused(error) == (503, "ServiceUnavailable")
        # The configuration's accounts do not depend on the store.
        assert answer_to(scene.s3(ROOT)) == (200, "")
        scene.follow()
        eventually(lambda: answer_to(scene.s3(key)) == (200, ""), "there are news again")


def test_without_the_database_known_keys_work_for_a_while(
    node: Node, server: PostgresServer
) -> None:
    clock = Clock()
    with front_doors(node, clock) as scene:
        key = scene.new_user(scene.new_role().name)
        server.kill()
        try:
            assert answer_to(scene.s3(key)) == (200, "")
            clock.now_ns += CURRENT_S * _NS + 1
            assert answer_to(scene.s3(key)) == (503, "SlowDown")
        finally:
            server.start()
        eventually(lambda: answer_to(scene.s3(key)) == (200, ""), "there are news again")


def test_settings_are_changed_on_all_nodes(node: Node, other: Node) -> None:
    async def scenario() -> None:
        async with node.door() as here, other.door() as there, other.following():
            one = StoredSettings(here.coordination, configured(Config()))
            two = StoredSettings(there.coordination, configured(Config()))
            await one.change({SOFT_ERRORS: 3}, lambda _: None)
            await until(lambda: there.coordination.revision() == here.coordination.revision())
            await two.refresh()
            assert two.record == one.record
            assert two.record.values == {SOFT_ERRORS: 3}

    run(scenario())
