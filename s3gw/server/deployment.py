"""Deployment of a server: on its machine alone, or in a cluster."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from cluster.coordination import Coordination
from cluster.maintenance import StoppedWithin, Work
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.server.channel import Task
from s3gw.server.one_machine import OneMachine
from s3gw.server.outboxes import Outboxes
from storage.own_store import OwnStore


class Housekeeping(Protocol):
    """Upkeep of the data, in the one process of a machine that does it."""

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Do it until it is time to stop."""
        ...

    async def clean(self) -> bool:
        """Remove some of the data without readers now; return whether there is more."""
        ...

    async def lead(self, work: Work, stopped_within: StoppedWithin) -> None:
        """Do what one machine of all does, whenever it is this one, until it is time to stop."""
        ...


class Deployment(Protocol):
    def prepared(self) -> AbstractContextManager[None]:
        """Make ready what the processes of the server open, and keep others from it, in the
        supervisor before any other process. Raises `MountpathError`, `StorageError` and, of a
        cluster, `DatabaseError`."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep other machines from starting meanwhile: for what only the first one makes."""
        ...

    def recover(self, slot: str) -> None:
        """Clean up after a process that died."""
        ...

    def has_room(self) -> bool:
        """Whether more can be written."""
        ...

    def open_outboxes(self) -> AbstractAsyncContextManager[Outboxes]: ...

    def open_store(self, slot: str) -> AbstractAsyncContextManager[OwnStore]: ...

    def keep_store(
        self, task: Task, coordination: Coordination
    ) -> AbstractAsyncContextManager[tuple[OwnStore, Housekeeping]]:
        """Open the store, and its upkeep."""
        ...


def deployment_of(config: Config) -> Deployment:
    """Raises `ConfigError` where the cluster's extra is not installed."""
    if not config.cluster.database:
        return OneMachine(config)
    try:
        from s3gw.server.cluster_node import ClusterNode
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"cluster.database needs the package {error.name}: pip install 's3gw[cluster]'."
        ) from None
    return ClusterNode(config)
