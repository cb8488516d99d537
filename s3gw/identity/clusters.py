"""Clusters known to AuthN besides this one: id, alias, addresses."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import ClusterExists, LimitExceeded, NoSuchCluster
from s3gw.identity.names import check_cluster_name
from s3gw.identity.records import ClusterRecord, cluster_key, encode
from s3gw.identity.snapshot import Snapshot

MAX_CLUSTERS = 256
URLS_OF_A_CLUSTER = 16
MAX_URL = 2048


class Cluster(Struct, frozen=True):
    id: str
    alias: str = ""
    urls: tuple[str, ...] = ()


def known(directory: StoredDirectory) -> Mapping[str, Cluster]:
    """Return all clusters by id."""
    rows = sorted(directory.snapshot.clusters.items())
    return {name: Cluster(name, each.alias, each.urls) for name, each in rows}


def find(directory: StoredDirectory, name: str) -> Cluster:
    """Return the cluster with that id or alias. Raises `NoSuchCluster`."""
    for cluster in known(directory).values():
        if name in (cluster.id, cluster.alias):
            return cluster
    raise NoSuchCluster(name)


async def add(directory: StoredDirectory, cluster: Cluster) -> None:
    """Register a cluster. Raises `ClusterExists`, `BadName` and `LimitExceeded`."""
    _check(cluster)

    def edit(now: Snapshot) -> list[Put | Delete]:
        if cluster.id in now.clusters:
            raise ClusterExists(cluster.id)
        if len(now.clusters) >= MAX_CLUSTERS:
            raise LimitExceeded(f"There are {MAX_CLUSTERS} clusters: remove one first.")
        return [_put(now, cluster)]

    await directory.change(edit)


async def update(directory: StoredDirectory, cluster: Cluster) -> None:
    """Replace the cluster with the same id. Raises `NoSuchCluster`, `ClusterExists`, `BadName` and
    `LimitExceeded`."""
    _check(cluster)

    def edit(now: Snapshot) -> list[Put | Delete]:
        if cluster.id not in now.clusters:
            raise NoSuchCluster(cluster.id)
        return [_put(now, cluster)]

    await directory.change(edit)


async def remove(directory: StoredDirectory, cluster: str) -> None:
    """Remove the cluster with that id. Raises `NoSuchCluster`."""

    def edit(now: Snapshot) -> list[Put | Delete]:
        if cluster not in now.clusters:
            raise NoSuchCluster(cluster)
        return [Delete(cluster_key(cluster))]

    await directory.change(edit)


def _put(now: Snapshot, cluster: Cluster) -> Put:
    others = {name: each for name, each in now.clusters.items() if name != cluster.id}
    taken = set(others) | {each.alias for each in others.values()}
    if cluster.alias and cluster.alias in taken:
        raise ClusterExists(cluster.alias)
    return Put(
        cluster_key(cluster.id), encode(ClusterRecord(alias=cluster.alias, urls=cluster.urls))
    )


def _check(cluster: Cluster) -> None:
    check_cluster_name(cluster.id)
    if cluster.alias:
        check_cluster_name(cluster.alias)
    if len(cluster.urls) > URLS_OF_A_CLUSTER or any(len(url) > MAX_URL for url in cluster.urls):
        raise LimitExceeded(f"A cluster has at most {URLS_OF_A_CLUSTER} addresses.")
