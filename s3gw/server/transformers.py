"""Transformers of a server: service of a worker, keeper of a machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cluster.coordination import Coordination
from cluster.jobs.registry import Registry
from s3gw.config.places import node_name, own_folder
from s3gw.config.schema import Config
from s3gw.etl.counting import Counting
from s3gw.etl.keeper import Keeper, Machine
from s3gw.etl.places import etl_folder
from s3gw.etl.records import EtlRecords
from s3gw.etl.scratch import Scratch
from s3gw.etl.service import EtlService
from s3gw.etl.sessions import Sessions
from s3gw.etl.transforming import Transforming
from s3gw.identity.opening import cluster_id_of
from s3gw.native.machine_url import machine_url
from s3gw.native.smap import target_id
from s3gw.outbound.addresses import Allowed
from s3gw.server.channel import Role, Task

_ALL = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}


@asynccontextmanager
async def transforming(
    task: Task, coordination: Coordination
) -> AsyncIterator[Transforming | None]:
    """Yield the way of objects through this machine's transformers; None where they are turned
    off."""
    config = task.config
    if not config.etl.enabled:
        yield None
        return
    records = EtlRecords(coordination)
    sessions = Sessions(Allowed.parse(config.outbound.allow))
    target = _target(config, await cluster_id_of(coordination))
    counting = Counting(records, f"{target}-{task.slot}")
    # Jobs wait for room; a client can repeat its request.
    patient = task.role is Role.MAINTENANCE
    scratch = _scratch(config)
    made = Transforming(records, sessions, config.etl, counting, scratch, target, patient=patient)
    try:
        yield made
    finally:
        await made.close()
        await sessions.aclose()


def etl_service(
    config: Config, transforming: Transforming | None, jobs: Registry
) -> EtlService | None:
    if transforming is None:
        return None
    return EtlService(
        transforming.records,
        jobs,
        config.etl,
        transforming,
        transforming.target,
        etl_folder(config),
    )


@asynccontextmanager
async def keeper(
    task: Task, coordination: Coordination, jobs: Registry
) -> AsyncIterator[Keeper | None]:
    """Yield the keeper of this machine's transformers; None where they are turned off."""
    config = task.config
    if not config.etl.enabled:
        yield None
        return
    sessions = Sessions(Allowed.parse(config.outbound.allow))
    machine = Machine(
        _target(config, await cluster_id_of(coordination)),
        etl_folder(config),
        _scratch(config),
        _url_here(config, task.port),
        str(Path(config.server.tls_cert).resolve()) if config.server.tls_cert else "",
    )
    try:
        yield Keeper(EtlRecords(coordination), jobs, config.etl, machine, sessions)
    finally:
        await sessions.aclose()


def _scratch(config: Config) -> Scratch:
    return Scratch(own_folder(config), config.etl.user)


def _target(config: Config, cluster_id: str) -> str:
    return target_id(cluster_id, node_name(config) if config.cluster.database else "")


def _url_here(config: Config, port: int) -> str:
    """Return the URL at which programs of this machine reach the server; a certificate names the
    address that others use."""
    host = config.server.host
    if host in _ALL and not config.server.tls_cert:
        return f"http://{_ALL[host]}:{port}"
    return machine_url(config, port)
