"""Jobs in the processes of a server: each can register them, one runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from threading import Lock

from cluster.coordination.embedded import FILE_NAME, EmbeddedCoordination
from cluster.jobs.job_run import JobContext
from cluster.jobs.registry import Registry
from cluster.jobs.runner import Limits, Runner
from cluster.maintenance import Maintainer, MaintenanceRound, StoppedWithin, repeat
from s3gw.config.schema import Config, Jobs
from s3gw.identity.vault import Vault
from s3gw.jobs.archiving import ObjectArchiver
from s3gw.jobs.copying import ObjectCopier
from s3gw.jobs.downloading import Downloader
from s3gw.jobs.promoting import FilePromoter
from s3gw.jobs.space import StoreSpace
from s3gw.objects.encryption import unlock_with
from s3gw.objects.promotion.files import Promotable
from s3gw.objects.service import ObjectService
from storage.backends.http import HttpBackend
from storage.load import LoadMeter
from storage.tier import Tier


class SerializedMaintenance:
    """A keeper for more than one thread: one round at a time."""

    def __init__(self, keeper: Maintainer) -> None:
        self._keeper = keeper
        self._lock = Lock()

    def run_once(self) -> MaintenanceRound:
        with self._lock:
            return self._keeper.run_once()


@asynccontextmanager
async def open_jobs(config: Config) -> AsyncIterator[Registry]:
    """Open the jobs of the first data folder, for one event loop."""
    path = Path(config.storage.data[0]) / FILE_NAME
    with closing(EmbeddedCoordination(path)) as coordination:
        yield Registry(coordination)


async def keep_log_short(config: Config, stopped_within: StoppedWithin) -> None:
    """Checkpoint the coordination store while the server runs."""
    interval_s = config.storage.housekeeping_interval_s
    path = Path(config.storage.data[0]) / FILE_NAME
    with closing(EmbeddedCoordination(path)) as coordination:

        async def checkpoint() -> float:
            await coordination.checkpoint()
            return interval_s

        await repeat(checkpoint, interval_s, stopped_within)


def promotable(config: Config) -> Promotable:
    return Promotable(config.promote.roots, may_remove=config.storage.durability == "sync")


def job_runner(
    config: Config,
    objects: ObjectService,
    tier: Tier,
    web: HttpBackend,
    registry: Registry,
    keeper: SerializedMaintenance,
    space: StoreSpace,
    vault: Vault,
) -> Runner:
    """Return a runner of jobs with the server's own keys and events."""
    copier = ObjectCopier(objects)

    async def clean() -> bool:
        return (await asyncio.to_thread(keeper.run_once)).more

    context = JobContext(
        store=objects.store,
        copy=copier.copy,
        delete=copier.delete,
        clean=clean,
        archive=ObjectArchiver(objects).archive,
        unlock=unlock_with(objects.encryption.keys),
        files=FilePromoter(objects, promotable(config)),
        archives=objects.archives,
        fetch=tier.fetch,
        evict=tier.evict,
        record=registry.add_ended,
        meter=LoadMeter(),
        space=space,
        local=tier.local,
        download=Downloader(objects, web.reader, vault).download,
    )
    return Runner(context, registry, limits_of(config.jobs))


def limits_of(jobs: Jobs) -> Limits:
    return Limits(jobs.at_once, jobs.idle_s, jobs.kept, jobs.kept_s)
