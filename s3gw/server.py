"""The composition root: the one place where the parts of a process are put together.

Three kinds of process run: the supervisor prepares the data folders, each worker answers requests,
and one process keeps house. What each is built of stands here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from cluster.housekeeping import keep_house, until
from s3gw.access.ownership import Ownership, OwnershipControls
from s3gw.access.public_access import ALL_BLOCKED
from s3gw.access_log import open_access_log
from s3gw.app import App
from s3gw.auth import Account, Accounts, Authenticator, AuthOptions
from s3gw.catalog import all_operations
from s3gw.channel import Channel, Role, Started, Task
from s3gw.config import Config
from s3gw.credentials import RootKeys
from s3gw.health import HealthApp, State
from s3gw.http_server import Serving, choose_server
from s3gw.memory import settle_garbage_collector
from s3gw.message import Addressing
from s3gw.metrics import Metrics, MetricsApp
from s3gw.observe import Observer
from s3gw.operation import OperationTable
from s3gw.s3 import S3App
from storage.backend import Backend
from storage.backends.local import (
    Durability,
    LocalStore,
    StoreOptions,
    prepare,
    recover_slot,
)
from storage.backends.local.housekeeping import Housekeeper
from storage.errors import StorageError
from storage.mountpath import FolderLocks, MountpathError
from storage.settings import Setting, encoded

log = logging.getLogger(__name__)

_ORPHANS_S = 1.0
# Looks like AWS' canonical user ids, and stays the same whatever the root account's keys are.
ROOT_ACCOUNT = hashlib.sha256(b"s3gw root account").hexdigest()


def folders(config: Config) -> list[Path]:
    return [Path(folder) for folder in config.storage.data]


def prepare_folders(paths: Sequence[Path]) -> FolderLocks:
    """Lock the data folders and make them ready; what it returns holds the locks.

    The children of a server that was killed live on for a moment, and so do their locks.
    """
    deadline = time.monotonic() + _ORPHANS_S
    while True:
        try:
            return prepare(paths)
        except MountpathError as error:
            if not isinstance(error.__cause__, BlockingIOError) or time.monotonic() > deadline:
                raise
            time.sleep(_ORPHANS_S / 20)


def recover_folders(paths: Sequence[Path], slot: str) -> None:
    """Clean up after a child that died."""
    try:
        recover_slot(paths, slot)
    except (StorageError, OSError) as error:
        # The next start of the server tries again; until then it is only room that is lost.
        log.error("cannot clean up", extra={"slot": slot, "error": str(error)})


async def run_child(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    """Do what the task says until `stop` is set."""
    match task.role:
        case Role.SERVE:
            await _serve(task, channel, stop)
        case Role.HOUSEKEEPING:
            await _keep_house(task, channel, stop)


async def _serve(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    run_server = choose_server(task.config.server.http_server)
    health = HealthApp()

    def ready() -> None:
        settle_garbage_collector()
        health.state = State.READY
        channel.answer(Started())

    async def mark_stopping() -> None:
        await stop.wait()
        health.state = State.STOPPING

    async with _application(task, health) as app, asyncio.TaskGroup() as tasks:
        marking = tasks.create_task(mark_stopping())
        await run_server(app, Serving(task.listen_fd, task.config.server, stop, ready))
        marking.cancel()


@contextlib.asynccontextmanager
async def _application(task: Task, health: HealthApp) -> AsyncIterator[App]:
    config = task.config
    access_log = open_access_log(config.log.access, task.access_log_style)
    metrics = Metrics(task.slot)
    known = accounts(config, task.root_keys)
    async with _open_store(config, task.slot) as store:
        s3 = S3App(
            table=OperationTable(all_operations()),
            store=store,
            authenticator=Authenticator(known, _auth_options(config)),
            accounts=known,
            addressing=Addressing(config.s3.domain, config.s3.root_access),
            region=config.s3.region,
            new_bucket_settings=new_bucket_settings(config),
            observer=Observer(metrics, access_log),
        )
        try:
            yield App(s3=s3, health=health, metrics=MetricsApp(metrics, store.usage))
        finally:
            await access_log.close()


def new_bucket_settings(config: Config) -> dict[str, str]:
    """The documents of a new bucket; ones that say what holds without them are left out."""
    documents: list[Setting] = []
    ownership = Ownership(config.s3.object_ownership)
    if ownership is not Ownership.OBJECT_WRITER:
        documents.append(OwnershipControls(ownership))
    if config.s3.block_public_access:
        documents.append(ALL_BLOCKED)
    return {document.setting_name: encoded(document) for document in documents}


def accounts(config: Config, root: RootKeys) -> Accounts:
    return Accounts(
        Account(ROOT_ACCOUNT, "root", secrets={root.access_key: root.secret_key}),
        [
            Account(
                each.id,
                each.display_name or each.id,
                each.email,
                {each.access_key: each.secret_key},
            )
            for each in config.auth.accounts
        ],
    )


def _auth_options(config: Config) -> AuthOptions:
    return AuthOptions(allow_sigv2_query=config.auth.sigv2_query, no_auth=not config.auth.enabled)


@contextlib.asynccontextmanager
async def _open_store(config: Config, slot: str) -> AsyncIterator[Backend]:
    options = StoreOptions(
        inline_limit=config.storage.inline_limit,
        reserve_bytes=config.storage.reserve_bytes,
        durability=Durability(config.storage.durability),
    )
    store = LocalStore.open(folders(config), slot=slot, options=options)
    try:
        yield store
    finally:
        store.close()


async def _keep_house(task: Task, channel: Channel, stop: asyncio.Event) -> None:
    with contextlib.closing(Housekeeper(folders(task.config))) as keeper:
        channel.answer(Started())
        await keep_house(keeper, task.config.storage.housekeeping_interval_s, until(stop))
