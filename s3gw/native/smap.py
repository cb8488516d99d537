"""Cluster map as AIStore writes it, and the ids of its nodes.

A machine is a gateway and a target. Their ids are derived from the cluster's id and the machine's
name, so that every worker, and every start, has the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import xxhash
from msgspec import Struct

PROXY, TARGET = "proxy", "target"
# Of AIStore's flags: nothing is asked of the node, and nothing is placed on it.
MAINTENANCE = 1 << 2

# The seed of AIStore's hashes (its MLCG32), with which clients choose a target.
_SEED = 1103515245
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH = 8


class Net(Struct, frozen=True):
    """`direct_url` is where clients connect; ports are texts."""

    node_ip_addr: str
    daemon_port: str
    direct_url: str


class Snode(Struct, frozen=True):
    """One node; `id_digest` is the hash of its id that places objects."""

    public_net: Net
    intra_control_net: Net
    intra_data_net: Net
    daemon_type: str
    daemon_id: str
    flags: int
    id_digest: int


class Smap(Struct, frozen=True):
    """Targets and gateways by id, and the primary gateway; the version is a decimal text."""

    tmap: dict[str, Snode]
    pmap: dict[str, Snode]
    proxy_si: Snode
    version: str
    uuid: str
    creation_time: str

    def find(self, node_id: str) -> Snode | None:
        return self.tmap.get(node_id) or self.pmap.get(node_id)


class Machine(Struct, frozen=True):
    """A machine of the cluster, under the ids of its gateway and its target. Clients reach both by
    `url`."""

    gateway: str
    target: str
    url: str
    is_missing: bool = False


@lru_cache(maxsize=1024)
def gateway_id(cluster_id: str, machine: str = "") -> str:
    """Return the id of a machine's gateway; the name is empty for the one machine of a store."""
    return "p" + _made_of(f"gateway{_of(machine)} of {cluster_id}")


@lru_cache(maxsize=1024)
def target_id(cluster_id: str, machine: str = "") -> str:
    return "t" + _made_of(f"target{_of(machine)} of {cluster_id}")


def smap_of(machines: Sequence[Machine], primary: str, version: int, cluster_id: str) -> Smap:
    """Return the map of these machines; `primary` is the id of the gateway that leads."""
    gateways = {each.gateway: _node(each, each.gateway, PROXY) for each in machines}
    targets = {each.target: _node(each, each.target, TARGET) for each in machines}
    return Smap(targets, gateways, gateways[primary], str(version), cluster_id, "")


def _node(machine: Machine, node_id: str, kind: str) -> Snode:
    url = machine.url
    _, _, authority = url.partition("://")
    host, colon, port = authority.rpartition(":")
    if not (colon and port.isdigit()):
        host, port = authority, "443" if url.startswith("https") else "80"
    net = Net(host, port, url)
    flags = MAINTENANCE if machine.is_missing else 0
    digest = int(xxhash.xxh64_intdigest(node_id.encode(), _SEED))
    return Snode(net, net, net, kind, node_id, flags, digest)


def _of(machine: str) -> str:
    return f" {machine}" if machine else ""


def _made_of(text: str) -> str:
    number = int(xxhash.xxh64_intdigest(text.encode()))
    made = ""
    for _ in range(_ID_LENGTH):
        number, at = divmod(number, len(_ALPHABET))
        made += _ALPHABET[at]
    return made
