"""State of all nodes together: `GET /v1/cluster?what=`."""

from __future__ import annotations

import asyncio
from typing import Any

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.call import NativeCall
from s3gw.native.cluster.config_shape import cluster_config
from s3gw.native.cluster.node import cluster_map
from s3gw.native.cluster.node_state import mountpaths, node_stats, system_of
from s3gw.native.cluster.smap import Smap
from s3gw.native.operation import operation
from s3gw.native.services import NativeServices


def _map(call: NativeCall) -> Smap:
    return cluster_map(call.site.cluster_id, call.endpoint)


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
        return json_reply(await asyncio.to_thread(_stats, call.native, _map(call)))


@operation("GET", "cluster", what="sysinfo", access=Access.SHOW_CLUSTER)
class GetClusterSysInfo:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(await asyncio.to_thread(_systems, call.native, _map(call)))


@operation("GET", "cluster", what="mountpaths", access=Access.SHOW_CLUSTER)
class GetClusterMountpaths:
    async def run(self, call: NativeCall) -> Reply:
        paths = mountpaths(call.native.node)
        return json_reply({"targets": dict.fromkeys(_map(call).tmap, paths)})


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


def _stats(services: NativeServices, smap: Smap) -> dict[str, Any]:
    targets = {node: node_stats(services.node, snode) for node, snode in smap.tmap.items()}
    return {"proxy": node_stats(services.node, smap.proxy_si), "target": targets}


def _systems(services: NativeServices, smap: Smap) -> dict[str, Any]:
    return {
        "proxy": {node: system_of(services.node, snode) for node, snode in smap.pmap.items()},
        "target": {node: system_of(services.node, snode) for node, snode in smap.tmap.items()},
    }
