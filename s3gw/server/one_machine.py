"""Machine that is alone: its data folders have everything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from threading import Lock

from cluster.coordination import Coordination
from cluster.coordination.embedded import EmbeddedCoordination
from cluster.maintenance import MaintenanceRound, StoppedWithin, Work, repeat, run_maintenance
from s3gw.config.coordination import coordination_path
from s3gw.config.places import data_folders
from s3gw.config.schema import Config
from s3gw.identity.opening import prepare_coordination
from s3gw.server.channel import Task
from s3gw.server.orphans import outliving_orphans
from s3gw.server.outboxes import Outboxes, open_files, prepare_outboxes
from storage.backends.local import (
    Durability,
    FolderLocks,
    LocalStore,
    Maintainer,
    StoreOptions,
    give_up_ballast,
    has_room,
    prepare,
    recover_slot,
)
from storage.errors import OutOfSpace, StorageError

log = logging.getLogger(__name__)


class OneMachine:
    """`Deployment` on the data folders."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._paths = data_folders(config)

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        with self._locked():
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """There are no others."""
        yield

    def recover(self, slot: str) -> None:
        try:
            recover_slot(self._paths, slot)
        except (StorageError, OSError) as error:
            # The next start of the server tries again; until then only disk space is lost.
            log.error("cannot clean up", extra={"slot": slot, "error": str(error)})

    def has_room(self) -> bool:
        return has_room(self._paths, self._config.storage.reserve_bytes)

    @contextlib.asynccontextmanager
    async def open_outboxes(self) -> AsyncIterator[Outboxes]:
        with open_files(self._config) as outboxes:
            yield outboxes

    @contextlib.asynccontextmanager
    async def open_store(self, slot: str) -> AsyncIterator[LocalStore]:
        storage = self._config.storage
        options = StoreOptions(
            inline_limit=storage.inline_limit,
            reserve_bytes=storage.reserve_bytes,
            durability=Durability(storage.durability),
        )
        with contextlib.closing(LocalStore.open(self._paths, slot=slot, options=options)) as store:
            yield store

    @contextlib.asynccontextmanager
    async def keep_store(
        self, task: Task, coordination: Coordination
    ) -> AsyncIterator[tuple[LocalStore, MachineUpkeep]]:
        reserve_bytes = self._config.storage.reserve_bytes
        with contextlib.closing(Maintainer(self._paths, reserve_bytes=reserve_bytes)) as keeper:
            async with self.open_store(task.slot) as store:
                yield store, MachineUpkeep(self._config, keeper)

    def _locked(self) -> FolderLocks:
        """Lock the data folders and prepare them; the returned value holds the locks."""
        while True:
            try:
                return outliving_orphans(self._prepare)
            except OutOfSpace:
                if not give_up_ballast(self._paths):
                    raise

    def _prepare(self) -> FolderLocks:
        locks = prepare(self._paths, durability=Durability(self._config.storage.durability))
        try:
            prepare_outboxes(self._paths[0])
            prepare_coordination(self._paths[0])
        except BaseException:
            locks.close()
            raise
        return locks


class MachineUpkeep:
    """`Housekeeping` of the data folders."""

    def __init__(self, config: Config, keeper: Maintainer) -> None:
        self._config = config
        self._interval_s = config.storage.housekeeping_interval_s
        self._keeper = keeper
        # Jobs ask for a round, too.
        self._lock = Lock()

    async def run(self, stopped_within: StoppedWithin) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_maintenance(self, self._interval_s, stopped_within))
            tasks.create_task(self._keep_log_short(stopped_within))

    async def clean(self) -> bool:
        return (await asyncio.to_thread(self.run_once)).more

    async def lead(self, work: Work, stopped_within: StoppedWithin) -> None:
        """A machine that is alone leads."""
        await work(stopped_within)

    def run_once(self) -> MaintenanceRound:
        """Do a round of the chores, in any thread."""
        with self._lock:
            return self._keeper.run_once()

    async def _keep_log_short(self, stopped_within: StoppedWithin) -> None:
        """Checkpoint the coordination store while the server runs."""
        path = coordination_path(self._config)
        with contextlib.closing(EmbeddedCoordination(path)) as coordination:

            async def checkpoint() -> float:
                await coordination.checkpoint()
                return self._interval_s

            await repeat(checkpoint, self._interval_s, stopped_within)
