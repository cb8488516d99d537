"""Clusters whose buckets are read through this one: attach, detach, show.

    PUT /v1/cluster/attach?what=remote   Ais-Remote-Ais-Alias, Ais-Remote-Ais-Url
    PUT /v1/cluster/detach?what=remote   Ais-Remote-Ais-Alias
    GET /v1/cluster?what=remote

Several URLs come one after the other, or with commas between. A cluster that does not answer is
attached nevertheless; showing it, or attaching it again, looks for it again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec

from s3gw.access import Access
from s3gw.config.remote_clusters import NotAllowed
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.operation import operation
from s3gw.native.services import RemoteAis
from storage.backends.ais import Cluster
from storage.backends.ais.service import Smap
from storage.errors import ClusterNotAttached, StorageError

log = logging.getLogger(__name__)

ATTACH = "attach"
DETACH = "detach"
_REMOTE = "remote"
_ALIAS = "ais-remote-ais-alias"
_URL = "ais-remote-ais-url"
# As AIStore calls one that was never reached.
_DEFUNCT = "defunct"


@operation("GET", "cluster", what=_REMOTE, access=Access.SHOW_CLUSTER)
class GetRemoteClusters:
    """One that does not answer now has no map."""

    async def run(self, call: NativeCall) -> Reply:
        remote = call.native.remote
        if remote is None:
            return json_reply({"a": [], "ver": 0})
        clusters = await remote.clusters.attached()
        async with asyncio.TaskGroup() as tasks:
            looks = [tasks.create_task(_shown(remote, each)) for each in clusters]
        return json_reply({"a": [task.result() for task in looks], "ver": remote.clusters.version})


async def attach_or_detach(call: NativeCall) -> Reply:
    """Raise 400, and 501 for another `what`, or a server without such backends."""
    action, what = call.segments[1], call.origin.query.get("what", "")
    if what != _REMOTE:
        raise NativeError(400, f'invalid query "what={what[:64]}"')
    remote = call.native.remote
    if remote is None:
        raise unsupported(f"{action}ing clusters, unless the server is started with --backend ais,")
    alias = call.sent.get(_ALIAS, "")
    try:
        if action == DETACH:
            await remote.clusters.detach(alias)
        else:
            urls = [url.strip() for url in call.sent.get(_URL, "").split(",")]
            await _attach(remote, alias, urls)
    except NotAllowed as error:
        message = f"failed to {action} remote cluster [alias {alias[:64]}]: {error}"
        raise NativeError(400, message) from None
    except ClusterNotAttached:
        message = f'failed to {action}: remote cluster "{alias[:64]}" does not exist'
        raise NativeError(404, message, Tcode.NOT_FOUND) from None
    return Reply()


async def _attach(remote: RemoteAis, alias: str, urls: list[str]) -> None:
    await remote.clusters.attach(alias, urls)
    known = {each.alias: each for each in await remote.clusters.attached()}[alias]
    found = await _look(remote, known)
    uuids = {smap.uuid for _, smap in found}
    if len(uuids) > 1:
        await _undo(remote, alias, known, urls)
        raise NotAllowed(f"its URLs are of different clusters: {', '.join(sorted(uuids))}")
    try:
        for uuid in uuids:
            await remote.clusters.attach(alias, (), uuid)
    except NotAllowed:
        await _undo(remote, alias, known, urls)
        raise


async def _undo(remote: RemoteAis, alias: str, now: Cluster, urls: list[str]) -> None:
    await remote.clusters.detach(alias)
    if before := [url for url in now.urls if url not in urls]:
        await remote.clusters.attach(alias, before, now.uuid)


async def _shown(remote: RemoteAis, cluster: Cluster) -> dict[str, Any]:
    found = [(url, smap) for url, smap in await _look(remote, cluster)]
    if not cluster.uuid and found:
        cluster = msgspec.structs.replace(cluster, uuid=found[0][1].uuid)
        try:
            await remote.clusters.attach(cluster.alias, (), cluster.uuid)
        except NotAllowed as error:
            log.warning("attachment cannot be used", extra={"error": str(error)})
    same = [(url, smap) for url, smap in found if smap.uuid == cluster.uuid]
    if not same:
        urls = cluster.urls[0] if cluster.uuid else f"[{' '.join(cluster.urls)}]"
        uuid = cluster.uuid or _DEFUNCT
        return {"url": urls, "alias": cluster.alias, "uuid": uuid, "smap": None}
    url, smap = same[0]
    return {"url": url, "alias": cluster.alias, "uuid": cluster.uuid, "smap": smap.raw}


async def _look(remote: RemoteAis, cluster: Cluster) -> list[tuple[str, Smap]]:
    """Return the maps of the URLs that answer, in their order."""
    try:
        cluster = await remote.clusters.with_token(cluster)
    except StorageError as error:
        log.warning("remote cluster cannot be reached", extra={"error": str(error)})
        return []

    async def look(url: str) -> Smap | None:
        try:
            return await remote.backend.look_at(cluster, url)
        except StorageError as error:
            log.warning("remote cluster cannot be reached", extra={"error": str(error)})
            return None

    maps = await asyncio.gather(*(look(url) for url in cluster.urls))
    return [(url, smap) for url, smap in zip(cluster.urls, maps, strict=True) if smap is not None]
