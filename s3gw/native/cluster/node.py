"""This server as AIStore's clients see it: one gateway and one target.

Both are the server itself. Their ids are derived from the cluster's, so that every worker, and
every start, has the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import xxhash

from s3gw.native.cluster.smap import Net, Smap, Snode

if TYPE_CHECKING:
    from s3gw.native.call import NativeCall

# The seed of AIStore's hashes (its MLCG32), with which clients choose a target.
_SEED = 1103515245
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH = 8


@lru_cache(maxsize=16)
def gateway_id(cluster_id: str) -> str:
    return "p" + _made_of(f"gateway of {cluster_id}")


@lru_cache(maxsize=16)
def target_id(cluster_id: str) -> str:
    return "t" + _made_of(f"target of {cluster_id}")


def _made_of(text: str) -> str:
    number = int(xxhash.xxh64_intdigest(text.encode()))
    made = ""
    for _ in range(_ID_LENGTH):
        number, at = divmod(number, len(_ALPHABET))
        made += _ALPHABET[at]
    return made


def cluster_map(cluster_id: str, endpoint: str) -> Smap:
    """Return the map of the cluster. `endpoint` is how the client reached this server, and so
    reaches all of its nodes."""
    gateway = _node(gateway_id(cluster_id), "proxy", endpoint)
    target = _node(target_id(cluster_id), "target", endpoint)
    return Smap(
        {target.daemon_id: target}, {gateway.daemon_id: gateway}, gateway, "1", cluster_id, ""
    )


def asked_node(call: NativeCall) -> Snode:
    """Return the node that the request is for; the gateway if it names no node."""
    smap = cluster_map(call.site.cluster_id, call.endpoint)
    return smap.tmap.get(call.node_id, smap.proxy_si)


def _node(node_id: str, kind: str, endpoint: str) -> Snode:
    _, _, authority = endpoint.partition("://")
    host, colon, port = authority.rpartition(":")
    if not (colon and port.isdigit()):
        host, port = authority, "443" if endpoint.startswith("https") else "80"
    net = Net(host, port, endpoint)
    return Snode(
        net, net, net, kind, node_id, 0, int(xxhash.xxh64_intdigest(node_id.encode(), _SEED))
    )
