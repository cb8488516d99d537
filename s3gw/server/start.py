"""`s3gw serve`, from a configuration to the end of the last worker."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from importlib import import_module

from cluster.database.errors import DatabaseError
from s3gw.config.schema import Config
from s3gw.config.stored import forget_transient
from s3gw.identity.opening import prepare_directory
from s3gw.identity.root_keys import FoundKeys, find_root_keys
from s3gw.identity.tokens.configured import check_tokens
from s3gw.keys.opening import beside_the_data, prepare_ring
from s3gw.server import descriptors
from s3gw.server.banner import StartedServer, banner
from s3gw.server.channel import Task
from s3gw.server.deployment import Deployment, deployment_of
from s3gw.server.http_server import choose_server
from s3gw.server.listener import ReservedPort
from s3gw.server.supervisor import Plan, StartError, Supervisor, slots
from s3gw.server.tls import read_certificate
from s3gw.telemetry.logs import choose_style, set_up_logging
from storage.errors import Corrupt, StorageError
from storage.startup_errors import MountpathError

NO_AUTH_WARNING = (
    "Warning: without authentication everyone who reaches this port can read, change and delete "
    "everything."
)
MASTER_KEY_WARNING = (
    "Warning: the master key is in a data folder, so encryption does not protect a stolen disk. "
    "Keep encryption.master_key_file elsewhere."
)


def serve(config: Config) -> None:
    """Run the server. Raises `ConfigError`, `CannotListen` and `StartError`."""
    set_up_logging(config.log.level, choose_style(config.log.format, sys.stderr))
    if not config.auth.enabled:
        print(NO_AUTH_WARNING, file=sys.stderr)
    if warned := descriptors.warning(config.limits, descriptors.raise_limit()):
        print(warned, file=sys.stderr)
    _import_chosen(config)
    read_certificate(config.server)
    check_tokens(config.auth)
    deployment = deployment_of(config)
    with _prepared(deployment), contextlib.closing(_reserve(config)) as port:
        with deployment.alone():
            found = find_root_keys(config)
            if config.cluster.database:
                # The next machine to start reads them.
                found.keep()
            prepare_ring(config)
            prepare_directory(config)
        forget_transient(config)
        if beside_the_data(config):
            print(MASTER_KEY_WARNING, file=sys.stderr)
        tasks = _tasks(config, found, port.number)
        plan = Plan(
            tasks=tasks,
            port=port,
            recover=deployment.recover,
            shutdown_timeout_s=config.server.shutdown_timeout_s,
        )
        now = StartedServer(config, found, port.url, len(tasks) - 1)
        # What was imported is never garbage. Collections in the children would write to its pages.
        gc.freeze()
        asyncio.run(Supervisor(plan).run(on_ready=partial(_announce, now)))


def _import_chosen(config: Config) -> None:
    """Import what only some configurations need, before it would be imported by each fork."""
    choose_server(config.server.http_server)
    if config.auth.oidc.allowed_iss or config.notifications.targets:
        import_module("aiohttp")


def _announce(now: StartedServer) -> None:
    now.found.keep()
    print(banner(now), file=sys.stderr, flush=True)


def _tasks(config: Config, found: FoundKeys, port: int) -> list[Task]:
    workers = config.server.workers or os.cpu_count() or 1
    started_ns = time.time_ns()
    return [
        Task(
            role=role,
            slot=slot,
            config=config,
            root_keys=found.keys,
            log_style=choose_style(config.log.format, sys.stderr),
            access_log_style=choose_style(config.log.format, sys.stdout),
            port=port,
            started_ns=started_ns,
            workers=workers,
        )
        for role, slot in slots(workers)
    ]


def _reserve(config: Config) -> ReservedPort:
    scheme = "https" if config.server.tls_cert else "http"
    return ReservedPort.reserve(config.server.host, config.server.port, scheme)


@contextlib.contextmanager
def _prepared(deployment: Deployment) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        _prepare(deployment, held)
        yield


def _prepare(deployment: Deployment, held: contextlib.ExitStack) -> None:
    try:
        held.enter_context(deployment.prepared())
    except DatabaseError as error:
        raise StartError(
            f"Cannot use the cluster's database: {error}. `s3gw cluster doctor` looks at it."
        ) from None
    except MountpathError as error:
        raise StartError(f"{error}.") from None
    except Corrupt as error:
        raise StartError(
            f"Nothing is served, and nothing was changed: {error}. Keep a copy of the data "
            "folders, then `s3gw fsck --rebuild` makes a new index from all that can be read."
        ) from None
    except StorageError as error:
        raise StartError(
            f"Cannot use the data folders: {error}. With --data, name some that this user may "
            "write to."
        ) from None
