"""Composition root of a server process.

Three kinds of process run: the supervisor prepares the data folders, each worker answers requests,
and one process does maintenance. Their parts are chosen here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from msgspec import Struct

from cluster.abandoned import AbandonedUploads
from cluster.inventory_schedule import InventorySchedule
from cluster.jobs.registry import Registry
from cluster.jobs.runner import Runner
from cluster.lifecycle.progress import ProgressFile
from cluster.lifecycle.rules import Calendar
from cluster.lifecycle.walk import Announce
from cluster.lifecycle.worker import Worker
from cluster.maintenance import Job, StoppedWithin, run_repeatedly, until
from cluster.query_handles import QueryHandles
from cluster.requested_by import RequestedBy
from s3gw.access.rate_limits import RateLimits
from s3gw.auth.throttle import Throttle
from s3gw.config.coordination import open_coordination
from s3gw.config.places import data_folders, own_folder
from s3gw.config.runtime import RuntimeConfig
from s3gw.config.schema import Config
from s3gw.config.stored import open_settings
from s3gw.events.events import expired
from s3gw.events.notifier import Notifier
from s3gw.http.site import Site
from s3gw.identity.opening import directory_in_use, open_vault
from s3gw.identity.tokens.configured import token_issuer, verifying
from s3gw.jobs.copying import ObjectCopier
from s3gw.jobs.space import SpaceWatch, StoreSpace, watermarks
from s3gw.keys.opening import open_ring
from s3gw.native.cluster.features import features_of
from s3gw.native.members import cluster_of
from s3gw.native.services import AuthN, NativeServices
from s3gw.objects.batch import Batches, BatchOptions
from s3gw.objects.batch.counters import BatchCounters
from s3gw.objects.batch.jobs import BatchJobs
from s3gw.objects.batch.service import BatchService
from s3gw.objects.encryption import Encryptor
from s3gw.objects.service import ObjectService
from s3gw.s3.call import NewBuckets, Services
from s3gw.select.running import queries_of
from s3gw.server.app import App
from s3gw.server.backends import open_tier, open_web, remote_ais, store_of
from s3gw.server.channel import Channel, Role, Started, Task
from s3gw.server.deployment import Deployment, deployment_of
from s3gw.server.front_ends import Parts, accounts, gateway, new_bucket_settings
from s3gw.server.health import HealthApp, State
from s3gw.server.http_server import Serving, choose_server
from s3gw.server.job_process import job_runner, limits_of, promotable
from s3gw.server.memory import settle_garbage_collector
from s3gw.server.outboxes import delivering, notifier, recorder
from s3gw.server.tls import keep_loaded, read_certificate
from s3gw.server.transformers import etl_service, keeper, transforming
from s3gw.telemetry.access_log import open_access_log
from s3gw.telemetry.audit import open_audit
from s3gw.telemetry.bucket_log_recorder import Recorder
from s3gw.telemetry.logs import set_log_level
from s3gw.telemetry.metrics import FOLDER_VARIABLE, LifecycleCounters, Metrics
from s3gw.telemetry.node_info import NodeInfo, shared_folder
from s3gw.telemetry.observer import Observer
from s3gw.telemetry.request_id import new_request_id
from storage.archives import Archives, IndexCache, SavedIndexes
from storage.backend import Backend
from storage.clock import SystemClock
from storage.errors import BucketNotFound
from storage.own_store import OwnStore
from storage.tier.backend_rates import LONGEST_WAIT_S, PATIENT_WAIT_S, BackendRates
from storage.tier.paces import FILE as PACES
from storage.tier.paces import SharedPaces
from storage.values import DeleteRequest, Deletion

log = logging.getLogger(__name__)

_ORPHANS_S = 1.0
_JOB_RETRY_S = 60.0


async def run_child(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    """Do the task until `stop` is set."""
    match task.role:
        case Role.SERVE:
            await _serve(task, channel, stop)
        case Role.MAINTENANCE:
            await _maintain(task, channel, stop)


async def _serve(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    run_server = choose_server(task.config.server.http_server)
    health = HealthApp(task.started_ns)
    health.has_room = deployment_of(task.config).has_room

    def ready() -> None:
        settle_garbage_collector()
        health.state = State.READY
        channel.answer(Started())

    async def mark_stopping() -> None:
        await stop.wait()
        health.state = State.STOPPING

    settings = task.config.server
    certificate = read_certificate(settings)
    async with _application(task, health) as app, asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(mark_stopping())]
        if certificate is not None:
            beside.append(tasks.create_task(keep_loaded(certificate, until(stop))))
        limits = task.config.limits
        serving = Serving(task.listen_fd, settings, limits, certificate, stop, ready)
        await run_server(app, serving)
        for each in beside:
            each.cancel()


@contextlib.asynccontextmanager
async def _application(task: Task, health: HealthApp) -> AsyncIterator[App]:
    config = task.config
    access_log = open_access_log(config.log.access, task.access_log_style)
    metrics = Metrics(task.slot)
    known = accounts(config, task.root_keys)
    deployment = deployment_of(config)
    async with (
        deployment.open_store(task.slot) as local,
        open_coordination(config) as coordination,
        open_tier(config, local, coordination, _rates(task, metrics), metrics.tier) as tier,
        _queues(deployment, config, metrics) as queues,
        _archives(config) as archives,
        directory_in_use(config, coordination) as directory,
        open_settings(config, coordination) as settings,
        verifying(config, directory, SystemClock()) as tokens,
        cluster_of(config, coordination, directory.cluster_id, task.port) as cluster,
        transforming(task, coordination) as etl,
    ):
        jobs = Registry(coordination)
        audit = open_audit(config.log.audit, own_folder(config))
        batches = _batches(config, metrics)
        settings.on_change(partial(_apply, batches, local))
        site = Site(config.s3.region, directory.cluster_id, known)
        objects = _objects(config, store_of(tier), queues.notifier, archives)
        issuer = await token_issuer(config.auth, directory, SystemClock())
        parts = Parts(
            config=config,
            services=Services(
                site=site,
                objects=objects,
                batches=BatchService(objects, batches, BatchJobs(jobs), settings),
                new_buckets=NewBuckets(settings, new_bucket_settings(config)),
                rates=RateLimits(1 / task.workers),
                queries=queries_of(config.select),
                etl=etl,
            ),
            native=NativeServices(
                site=site,
                authn=AuthN(directory, tokens, issuer, config.auth.enabled),
                jobs=jobs,
                promotable=promotable(config),
                settings=settings,
                node=_node(task, metrics),
                throttle=Throttle(config.auth.throttle),
                audit=audit,
                tier=tier,
                queries=QueryHandles(coordination),
                remote=remote_ais(tier),
                cluster=cluster,
                etl=etl_service(config, etl, jobs),
            ),
            observer=Observer(metrics, access_log, queues.recorder, audit),
            port=task.port,
        )
        try:
            yield gateway(parts, health, metrics)
        finally:
            metrics.flush()
            await access_log.close()
            audit.close()


def _rates(task: Task, metrics: Metrics) -> BackendRates:
    """Return the rates, which all processes share; that of the jobs waits longer."""
    paces = SharedPaces(own_folder(task.config) / PACES)
    longest_wait_s = LONGEST_WAIT_S if task.role is Role.SERVE else PATIENT_WAIT_S
    return BackendRates(paces, longest_wait_s, metrics.tier)


def _objects(
    config: Config, store: Backend, notifier: Notifier, archives: Archives
) -> ObjectService:
    encryption = Encryptor(open_ring(config), config.encryption.default_kms_key)
    return ObjectService(store, notifier, encryption, archives)


def _batches(config: Config, metrics: Metrics) -> Batches:
    options = BatchOptions.from_settings(config.get_batch)
    return Batches(options, BatchCounters(metrics.registry).add)


def _node(task: Task, metrics: Metrics) -> NodeInfo:
    server = task.config.server
    return NodeInfo(
        folders=tuple(data_folders(task.config)),
        log_folder=shared_folder(FOLDER_VARIABLE),
        version=task.config.native.version,
        host=server.host,
        port=server.port,
        certificate=Path(server.tls_cert) if server.tls_cert else None,
        features=features_of(task.config),
        started_ns=task.started_ns,
        counters=metrics.native_counters,
    )


def _apply(batches: Batches, store: OwnStore, now: RuntimeConfig) -> None:
    """Apply those settings that have to be pushed to their users when they change."""
    store.keep_to(watermarks(now.space))
    batches.options = BatchOptions.from_settings(now.get_batch)
    set_log_level(now.log.level)


def _apply_to_jobs(runner: Runner, store: OwnStore, now: RuntimeConfig) -> None:
    store.keep_to(watermarks(now.space))
    runner.keep_to(limits_of(now.jobs))
    set_log_level(now.log.level)


@contextlib.asynccontextmanager
async def _archives(config: Config) -> AsyncIterator[Archives]:
    with contextlib.closing(SavedIndexes(own_folder(config) / "archives.db")) as saved:
        yield Archives(IndexCache(saved=saved))


class _Queues(Struct, frozen=True):
    notifier: Notifier
    recorder: Recorder


@contextlib.asynccontextmanager
async def _queues(
    deployment: Deployment, config: Config, metrics: Metrics
) -> AsyncIterator[_Queues]:
    async with deployment.open_outboxes() as outboxes:
        log_recorder = recorder(outboxes, config, metrics)
        try:
            yield _Queues(notifier(outboxes, config, metrics), log_recorder)
        finally:
            await log_recorder.close()


async def _maintain(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    config, stopped_within = task.config, until(stop)
    deployment = deployment_of(config)
    metrics = Metrics(task.slot)
    async with (
        deployment.open_outboxes() as outboxes,
        open_coordination(config) as coordination,
        deployment.keep_store(task, coordination) as (store, housekeeping),
        open_tier(config, store, coordination, _rates(task, metrics), metrics.tier) as tier,
        open_web(config) as web,
        _archives(config) as archives,
        open_settings(config, coordination) as settings,
        keeper(task, coordination, Registry(coordination)) as transformers,
        transforming(task, coordination) as etl,
        asyncio.TaskGroup() as tasks,
    ):
        interval_s = config.storage.housekeeping_interval_s
        tasks.create_task(housekeeping.run(stopped_within))
        tasks.create_task(watch_room(deployment.has_room, interval_s, stopped_within))
        if transformers is not None:
            tasks.create_task(transformers.run(stopped_within))
        told = notifier(outboxes, config, metrics)
        objects = _objects(config, store_of(tier), told, archives)
        delete, jobs = ObjectCopier(objects).delete, Registry(coordination)
        space = StoreSpace(store, settings, delete, counts=metrics.tier)
        vault = await open_vault(config, coordination)
        clean = housekeeping.clean
        runner = job_runner(config, objects, tier, web, jobs, clean, space, vault, etl)
        settings.on_change(partial(_apply_to_jobs, runner, store))
        announce = partial(_announce_expired, store, told)
        deliver = partial(delivering, outboxes, store_of(tier), config, metrics)
        calendar = Calendar(config.lifecycle.day_s)
        inventories = InventorySchedule(store, jobs, coordination, calendar)
        beside = (SpaceWatch(space, jobs), inventories)
        work = partial(_lead, task, store, announce, beside, runner, deliver)
        tasks.create_task(housekeeping.lead(work, stopped_within))
        channel.answer(Started())


async def _lead(
    task: Task,
    store: OwnStore,
    announce: Announce,
    beside: Sequence[Job],
    runner: Runner,
    deliver: Callable[[StoppedWithin], AbstractAsyncContextManager[None]],
    stopped_within: StoppedWithin,
) -> None:
    """Do what one machine of all does."""
    chores: list[Job] = [AbandonedUploads(store, stopped_within), *beside]
    if task.config.lifecycle.enabled:
        chores.append(_lifecycle(task, store, stopped_within, announce))
    async with deliver(stopped_within), asyncio.TaskGroup() as tasks:
        for chore in chores:
            tasks.create_task(run_repeatedly(chore, _JOB_RETRY_S, stopped_within))
        tasks.create_task(runner.run(stopped_within))


async def watch_room(
    look: Callable[[], bool], interval_s: float, stopped_within: StoppedWithin
) -> None:
    """Log when a disk is full, and when it has room again."""
    had_room = True
    while True:
        if (room := look()) != had_room:
            had_room = room
            if room:
                log.warning("the disk has room again: objects can be written")
            else:
                log.error("no room on the disk: only reading and deleting goes on")
        if await stopped_within(interval_s):
            return


async def _announce_expired(
    store: Backend, notifier: Notifier, bucket: str, done: Sequence[tuple[DeleteRequest, Deletion]]
) -> None:
    with contextlib.suppress(BucketNotFound):
        info = await store.head_bucket(bucket)
        requested_by = RequestedBy(info.owner, "", new_request_id())
        await notifier.announce(info, requested_by, (expired(*each) for each in done))


def _lifecycle(
    task: Task, store: Backend, stopped_within: StoppedWithin, announce: Announce
) -> Worker:
    config = task.config
    progress = ProgressFile(own_folder(config) / "lifecycle.json")
    calendar = Calendar(config.lifecycle.day_s)
    counters = LifecycleCounters(task.slot)
    return Worker(store, progress, stopped_within, calendar, passed=counters.add, announce=announce)
