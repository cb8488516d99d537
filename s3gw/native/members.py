"""Machines of the cluster, as the native API shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from cluster.coordination.latest import Latest
from cluster.members import nodes
from s3gw.config.places import node_name
from s3gw.native.machine_url import machine_url
from s3gw.native.smap import Machine, Smap, gateway_id, smap_of, target_id
from s3gw.outbound.peers import PeerClient

if TYPE_CHECKING:
    from cluster.coordination import Coordination
    from s3gw.config.schema import Config
    from s3gw.outbound.fetch import Fetch, Fetched


class Members(Protocol):
    """`gateway` and `target` are the ids of the machine that answers; `jobs_target` is the target
    under which jobs are shown."""

    @property
    def gateway(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def jobs_target(self) -> str: ...

    async def refresh(self) -> None:
        """Read what has changed; microseconds when nothing has. Every request does so first."""
        ...

    def smap(self, endpoint: str) -> Smap:
        """Return the map of the cluster; `endpoint` is how the client reached this machine."""
        ...

    def others(self) -> Sequence[Machine]:
        """Return the machines besides this one."""
        ...


class Peers(Protocol):
    """A client for requests to the other machines."""

    async def get(self, wanted: Fetch, *, limit_bytes: int) -> Fetched:
        """Raises `OutboundError`."""
        ...


class Cluster(Struct, frozen=True):
    """What a machine needs to know of the others, and to ask them. `latest` makes readable here
    what any of them has written."""

    members: Members
    peers: Peers
    latest: Latest


@asynccontextmanager
async def cluster_of(
    config: Config, coordination: Coordination, cluster_id: str, port: int
) -> AsyncIterator[Cluster | None]:
    """Yield the cluster that the configuration names, for one event loop; None for a machine that
    is alone. `port` is the one that the server listens on."""
    if not config.cluster.database:
        yield None
        return
    known = nodes.Members(coordination)
    url = machine_url(config, port)
    certificate = config.server.tls_cert
    peers = PeerClient(Path(certificate) if certificate else None)
    try:
        machines = ClusterMembers(known, cluster_id, node_name(config), url)
        yield Cluster(machines, peers, Latest(coordination))
    finally:
        await peers.aclose()


class OneMachine:
    """The machine of a store that is alone. All of its nodes are where the client reached it."""

    def __init__(self, cluster_id: str) -> None:
        self.gateway = self._primary = gateway_id(cluster_id)
        self.target = self.jobs_target = target_id(cluster_id)
        self._cluster_id = cluster_id

    async def refresh(self) -> None:
        pass

    def smap(self, endpoint: str) -> Smap:
        here = Machine(self.gateway, self.target, endpoint)
        return smap_of([here], self.gateway, 1, self._cluster_id)

    def others(self) -> Sequence[Machine]:
        return ()


@lru_cache(maxsize=16)
def one_machine(cluster_id: str) -> OneMachine:
    """Return the same one each time: every request asks for it."""
    return OneMachine(cluster_id)


class ClusterMembers:
    """Those of the cluster's map, for one event loop: the same whichever machine is asked, and
    reached by the URLs that they announce. This machine, `name`, is one of them also before it is
    in the map, and when it was taken out."""

    def __init__(self, members: nodes.Members, cluster_id: str, name: str, url: str) -> None:
        self.gateway = gateway_id(cluster_id, name)
        self.target = target_id(cluster_id, name)
        self.jobs_target = self.target
        self._members = members
        self._cluster_id = cluster_id
        self._here = Machine(self.gateway, self.target, url)
        self._seen: nodes.ClusterMap | None = None
        self._take(members.map)

    async def refresh(self) -> None:
        found = await self._members.refresh()
        if found is not self._seen:
            self._take(found)

    def smap(self, endpoint: str) -> Smap:
        return self._smap

    def others(self) -> Sequence[Machine]:
        return self._others

    def _take(self, found: nodes.ClusterMap) -> None:
        machines = {node.name: self._machine(node) for node in found.nodes}
        self._others = [each for each in machines.values() if each.gateway != self.gateway]
        listed = list(machines.values())
        if len(listed) == len(self._others):
            listed.append(self._here)
        # The leader may have gone, and the next one not begun.
        primary = machines.get(found.leader) or listed[0]
        self._smap = smap_of(listed, primary.gateway, max(found.version, 1), self._cluster_id)
        self.jobs_target = primary.target
        self._seen = found

    def _machine(self, node: nodes.Node) -> Machine:
        gateway = gateway_id(self._cluster_id, node.name)
        target = target_id(self._cluster_id, node.name)
        return Machine(gateway, target, node.facts.url, node.is_missing)
