"""Jobs in the processes of a server: each can register them, one runs them."""

from __future__ import annotations

from cluster.jobs.job_run import CollectGarbage, JobContext
from cluster.jobs.registry import Registry
from cluster.jobs.runner import Limits, Runner
from s3gw.config.places import own_folder
from s3gw.config.schema import Config, Jobs
from s3gw.etl.transforming import Transforming
from s3gw.identity.vault import Vault
from s3gw.jobs.archiving import ObjectArchiver
from s3gw.jobs.copying import ObjectCopier
from s3gw.jobs.downloading import Downloader
from s3gw.jobs.inventory.writing import InventoryWriter
from s3gw.jobs.promoting import FilePromoter
from s3gw.jobs.sorting.scratch import Room
from s3gw.jobs.sorting.sorter import ObjectSorter
from s3gw.jobs.space import StoreSpace
from s3gw.objects.encryption import unlock_with
from s3gw.objects.promotion.files import Promotable
from s3gw.objects.service import ObjectService
from s3gw.outbound.addresses import Allowed
from storage.backends.http import HttpBackend
from storage.backends.local import has_room
from storage.load import LoadMeter
from storage.tier import Tier


def promotable(config: Config) -> Promotable:
    return Promotable(config.promote.roots, may_remove=config.storage.durability == "sync")


def job_runner(
    config: Config,
    objects: ObjectService,
    tier: Tier,
    web: HttpBackend,
    registry: Registry,
    clean: CollectGarbage,
    space: StoreSpace,
    vault: Vault,
    etl: Transforming | None,
) -> Runner:
    """Return a runner of jobs with the server's own keys and events."""
    copier = ObjectCopier(objects, etl)
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
        download=Downloader(objects, web.reader, vault, etl).download,
        sort=_sorter(config, objects).sort,
        report=InventoryWriter(objects).begin,
    )
    return Runner(context, registry, limits_of(config.jobs))


def _sorter(config: Config, objects: ObjectService) -> ObjectSorter:
    folder, reserve = own_folder(config), config.storage.reserve_bytes
    room = Room(folder, lambda: has_room([folder], reserve))
    return ObjectSorter(objects, room, Allowed.parse(config.outbound.allow))


def limits_of(jobs: Jobs) -> Limits:
    return Limits(jobs.at_once, jobs.idle_s, jobs.kept, jobs.kept_s)
