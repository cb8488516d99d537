"""State of all nodes together: `GET /v1/cluster?what=`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.call import NativeCall
from s3gw.native.cluster.config_shape import cluster_config
from s3gw.native.cluster.forwarding import documents_of_all_others
from s3gw.native.cluster.node_state import mountpaths, node_stats, system_of
from s3gw.native.operation import operation
from s3gw.native.services import NativeServices
from s3gw.native.smap import Smap, Snode


def _map(call: NativeCall) -> Smap:
    return call.native.members.smap(call.endpoint)


def _here(call: NativeCall) -> tuple[Snode, Snode]:
    """Return the gateway and the target of this machine."""
    smap, members = _map(call), call.native.members
    return smap.pmap[members.gateway], smap.tmap[members.target]


@operation("GET", "cluster", what="cluster_config", access=Access.SHOW_CLUSTER)
class GetClusterConfig:
    async def run(self, call: NativeCall) -> Reply:
        await call.native.settings.refresh()
        return json_reply(cluster_config(call.native))


@operation("GET", "cluster", what="smap", access=Access.SHOW_CLUSTER)
class GetClusterSmap:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(_map(call))


@operation("GET", "cluster", what="node_stats", access=Access.SHOW_CLUSTER)
class GetClusterStats:
    async def run(self, call: NativeCall) -> Reply:
        here = await asyncio.to_thread(_stats, call.native, *_here(call))
        others = await documents_of_all_others(call)
        return json_reply({**here, "target": _together("target", here, *others)})


@operation("GET", "cluster", what="sysinfo", access=Access.SHOW_CLUSTER)
class GetClusterSysInfo:
    async def run(self, call: NativeCall) -> Reply:
        here = await asyncio.to_thread(_systems, call.native, *_here(call))
        parts = here, *await documents_of_all_others(call)
        return json_reply({kind: _together(kind, *parts) for kind in here})


@operation("GET", "cluster", what="mountpaths", access=Access.SHOW_CLUSTER)
class GetClusterMountpaths:
    async def run(self, call: NativeCall) -> Reply:
        here = {"targets": {call.native.members.target: mountpaths(call.native.node)}}
        parts = here, *await documents_of_all_others(call)
        return json_reply({"targets": _together("targets", *parts)})


@operation("GET", "cluster", what="backends", access=Access.SHOW_CLUSTER)
class GetBackends:
    """The providers whose buckets are read through this server."""

    async def run(self, call: NativeCall) -> Reply:
        return json_reply(sorted(call.native.tier.backends))


@operation("GET", "cluster", what="target_ips", access=Access.SHOW_CLUSTER)
class GetTargetIps:
    """Hosts separated by commas, as curl's `--noproxy` takes them."""

    async def run(self, call: NativeCall) -> Reply:
        hosts = dict.fromkeys(node.public_net.node_ip_addr for node in _map(call).tmap.values())
        return text_reply(",".join(hosts))


def _stats(services: NativeServices, gateway: Snode, target: Snode) -> dict[str, Any]:
    targets = {target.daemon_id: node_stats(services.node, target)}
    return {"proxy": node_stats(services.node, gateway), "target": targets}


def _systems(services: NativeServices, gateway: Snode, target: Snode) -> dict[str, Any]:
    return {
        "proxy": {gateway.daemon_id: system_of(services.node, gateway)},
        "target": {target.daemon_id: system_of(services.node, target)},
    }


def _together(kind: str, *documents: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the machines say of their nodes of a kind."""
    return {node: said for each in documents for node, said in each[kind].items()}
