"""Cluster, nodes and buckets as maps."""

from __future__ import annotations

from s3gw.access import Access, usable
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.bucket_props import Bprops, props_of
from s3gw.native.call import NativeCall
from s3gw.native.cluster.node import asked_node
from s3gw.native.names import bck_of
from s3gw.native.operation import operation


@operation("GET", "daemon", what="smap", access=Access.SHOW_CLUSTER)
class GetSmap:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(call.native.members.smap(call.endpoint))


@operation("GET", "daemon", what="snode", access=Access.SHOW_CLUSTER)
class GetSnode:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(asked_node(call))


@operation("GET", "daemon", what="bmd", access=Access.SHOW_CLUSTER | Access.LIST_BUCKETS)
class GetBmd:
    """All buckets with their properties, by provider and namespace."""

    async def run(self, call: NativeCall) -> Reply:
        revision = await call.store.buckets_revision()
        spaces: dict[str, dict[str, Bprops]] = {}
        for bucket in await usable(call, await call.store.list_buckets()):
            bck = bck_of(bucket.name)
            spaces.setdefault(f"@{bck.uuid}#{bck.namespace}", {})[bck.name] = props_of(bucket)
        uuid = call.site.cluster_id
        return json_reply({"providers": {"ais": spaces}, "uuid": uuid, "version": str(revision)})


@operation("GET", "cluster", what="bmd", access=Access.SHOW_CLUSTER | Access.LIST_BUCKETS)
class GetClusterBmd(GetBmd):
    """The same document at its other address."""


@operation("GET", "daemon", what="software_version", access=Access.SHOW_CLUSTER)
class GetSoftwareVersion:
    """AIStore's version, because its clients compare it with theirs."""

    async def run(self, call: NativeCall) -> Reply:
        version = call.native.node.version
        return text_reply(version)
