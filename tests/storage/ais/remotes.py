"""Another cluster to be the remote: a server process of our own, and its backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from storage.backends.ais import AisBackend, AisOptions, Cluster
from storage.errors import ClusterNotAttached
from storage.values import BucketInfo
from tests.server_process import ServerProcess
from tests.storage.aws.remotes import Prefixed

UUID = "remoteUUID"
FAST = AisOptions(pause_s=0.001)


class Attached:
    """`Clusters` that a test attaches."""

    def __init__(self, *clusters: Cluster) -> None:
        self.clusters = list(clusters)

    async def find(self, uuid: str) -> Cluster:
        for cluster in self.clusters:
            if cluster.uuid == uuid:
                return cluster
        raise ClusterNotAttached(uuid)

    async def attached(self) -> list[Cluster]:
        return self.clusters

    def token_hint(self, alias: str) -> str:
        return f"see the file {alias}"


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The endpoint of a cluster without authentication."""
    with ServerProcess(folder, flags=("--no-auth",)) as server:
        yield server.endpoint


async def backend_of(endpoint: str, **options: Any) -> AisBackend:
    """A backend of the cluster at that endpoint alone."""
    clusters = Attached(Cluster("far", (endpoint,)))
    backend = AisBackend(clusters, replace(FAST, **options))
    found = await backend.look_at(clusters.clusters[0], endpoint)
    clusters.clusters[0] = Cluster("far", (endpoint,), found.uuid)
    return backend


class InCluster(Prefixed):
    """A backend whose bucket names are those of one cluster, each with a prefix of its own."""

    def __init__(self, inner: AisBackend, uuid: str) -> None:
        super().__init__(inner)
        self._prefix = f"@{uuid}/{self._prefix}"

    def _shown(self, info: BucketInfo) -> BucketInfo:
        return replace(info, name=info.name.removeprefix(self._prefix))
