"""Node of a cluster: a database, and a folder that all machines mount.

The first data folder has only what belongs to this machine: the replica of the coordination store,
and caches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial

from cluster.bytes.node_lock import NodeLock
from cluster.bytes.shared_folder import open_folder
from cluster.coordination import Coordination
from cluster.coordination.following import Follower
from cluster.coordination.replica import Replica, prepare_replica
from cluster.database.alone import Alone
from cluster.database.connecting import Database
from cluster.database.errors import DatabaseError
from cluster.maintenance import StoppedWithin, Work, repeat
from cluster.members.announcing import Announcement
from cluster.members.leader import Leadership
from cluster.members.nodes import Members, NodeFacts
from cluster.members.watching import Watch
from cluster.objects.edge import at_edge
from cluster.outbox import PostgresOutbox
from cluster.store import ClusterOptions, ClusterStore, Place
from s3gw import __version__
from s3gw.config.coordination import coordination_path, with_coordination
from s3gw.config.loading import ConfigError
from s3gw.config.places import common_folder, node_name, own_folder
from s3gw.config.schema import Config
from s3gw.native.machine_url import machine_url
from s3gw.server.channel import Task
from s3gw.server.orphans import outliving_orphans
from s3gw.server.outboxes import Outboxes
from storage.backends.local import has_room
from storage.backends.local.mountpath import lock_folders
from storage.errors import DatabaseUnavailable
from storage.startup_errors import MountpathError

# Rows and bodies of objects are on their way to the database and its standbys.
_MOST_INLINE = 8 << 10


class ClusterNode:
    """`Deployment` on a cluster."""

    def __init__(self, config: Config) -> None:
        self._config = config
        cluster = config.cluster
        self._direct = cluster.direct or cluster.database
        self._place = Place(
            address=cluster.database,
            folder=common_folder(config),
            node=node_name(config),
            access_times=own_folder(config) / "access.db",
        )

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        folder = own_folder(self._config)
        _check_own_folder(self._config)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with outliving_orphans(partial(lock_folders, [folder])):
            asyncio.run(self._join())
            with contextlib.closing(outliving_orphans(self._lock_name)):
                prepare_replica(coordination_path(self._config))
                with_coordination(self._config, _nothing)
                yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        try:
            with Alone(self._place.address):
                yield
        except DatabaseError as error:
            raise DatabaseUnavailable(str(error)) from error

    def recover(self, slot: str) -> None:
        """The sweeper looks at what a dead process left."""

    def has_room(self) -> bool:
        return has_room([self._place.folder], self._config.storage.reserve_bytes)

    @contextlib.asynccontextmanager
    async def open_outboxes(self) -> AsyncIterator[Outboxes]:
        config = self._config
        async with (
            self._outbox("events", config.notifications.queue_bytes) as events,
            self._outbox("lines", config.bucket_logging.queue_bytes) as lines,
        ):
            yield Outboxes(events, lines)

    @contextlib.asynccontextmanager
    async def open_store(self, slot: str) -> AsyncIterator[ClusterStore]:
        storage = self._config.storage
        options = ClusterOptions(
            inline_limit=min(storage.inline_limit, _MOST_INLINE),
            reserve_bytes=storage.reserve_bytes,
        )
        store = await at_edge(ClusterStore.open)(self._place, options=options)
        try:
            yield store
        finally:
            await store.close()

    @contextlib.asynccontextmanager
    async def keep_store(
        self, task: Task, coordination: Coordination
    ) -> AsyncIterator[tuple[ClusterStore, NodeUpkeep]]:
        config, name = self._config, self._place.node
        # A watch that waits is not in the way of the lease.
        database = Database(self._direct, connections=2)
        members = Members(coordination)
        facts = NodeFacts(
            url=machine_url(config, task.port),
            version=__version__,
            workers=task.workers,
            started_ns=task.started_ns,
        )
        with contextlib.closing(Replica(coordination_path(config))) as replica:
            try:
                async with self.open_store(task.slot) as store:
                    yield (
                        store,
                        NodeUpkeep(
                            store,
                            Follower(self._direct, replica, name),
                            Announcement(members, name, facts),
                            Leadership(database, name),
                            Watch(database, members, name),
                            config.storage.housekeeping_interval_s,
                        ),
                    )
            finally:
                await database.close()

    @contextlib.asynccontextmanager
    async def _outbox(self, box: str, limit_bytes: int) -> AsyncIterator[PostgresOutbox]:
        database = Database(self._place.address, connections=1)
        outbox = PostgresOutbox(database, box, limit_bytes=limit_bytes)
        try:
            yield outbox
        finally:
            await outbox.close()

    def _lock_name(self) -> NodeLock:
        return NodeLock(self._place.folder, self._place.node)

    async def _join(self) -> None:
        """Bring the schema up to date, and make or check the folder."""
        database = Database(self._place.address, connections=1)
        try:
            await database.open()
            await open_folder(database, self._place.folder)
        finally:
            await database.close()


class NodeUpkeep:
    """`Housekeeping` of a node."""

    def __init__(
        self,
        store: ClusterStore,
        follower: Follower,
        announcement: Announcement,
        leadership: Leadership,
        watch: Watch,
        interval_s: float,
    ) -> None:
        self._store = store
        self._follower = follower
        self._announcement = announcement
        self._leadership = leadership
        self._watch = watch
        self._interval_s = interval_s

    async def run(self, stopped_within: StoppedWithin) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.run(stopped_within))
            tasks.create_task(self._announcement.run(stopped_within))
            tasks.create_task(repeat(self._sweep, self._interval_s, stopped_within))

    @at_edge
    async def clean(self) -> bool:
        return (await self._store.sweeper.run_once()).more

    async def lead(self, work: Work, stopped_within: StoppedWithin) -> None:
        async def lead(until_lapsed: StoppedWithin) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch.run(until_lapsed))
                tasks.create_task(work(until_lapsed))

        await self._leadership.run(lead, stopped_within)

    async def _sweep(self) -> float:
        return 0 if await self.clean() else self._interval_s


def _check_own_folder(config: Config) -> None:
    """Raise `ConfigError` and `MountpathError` for a folder that is not this machine's alone."""
    if len(config.storage.data) > 1:
        raise ConfigError(
            "storage.data has several folders: in a cluster it is one, for what belongs to this "
            "machine; objects are in cluster.blobs."
        )
    folder, shared = own_folder(config).resolve(), common_folder(config).resolve()
    if folder.is_relative_to(shared) or shared.is_relative_to(folder):
        raise ConfigError(
            f"storage.data ({folder}) and cluster.blobs ({shared}) must not be within one another: "
            "the first is on a disk of this machine."
        )
    if (folder / "mountpath.json").exists():
        raise MountpathError(
            f"{folder} holds the store of one machine: `s3gw cluster adopt` takes it into the "
            "cluster, and --data names another folder for what belongs to this machine"
        )


async def _nothing(coordination: Coordination) -> None:
    """The replica is up to date once it is open."""
