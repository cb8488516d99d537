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
from typing import Any, TypeGuard

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
from storage.errors import BackendDenied, ClusterNotAttached, StorageError

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
    remote = call.native.remote
    if remote is None:
        raise unsupported(f'"{action}" of clusters, on a server without --backend ais,')
    if what != _REMOTE:
        raise NativeError(400, f'invalid query "what={what[:64]}"')
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
    """Raise `NotAllowed`, and `BackendDenied` for a cluster that wants another token."""
    await remote.clusters.attach(alias, urls)
    known = {each.alias: each for each in await remote.clusters.attached()}[alias]
    found = await _look(remote, known)
    try:
        for error in found.values():
            if isinstance(error, BackendDenied):
                raise error
        uuids = sorted({smap.uuid for smap in found.values() if isinstance(smap, Smap)})
        if len(uuids) > 1:
            raise NotAllowed(f"its URLs are of different clusters: {', '.join(uuids)}")
        for uuid in uuids:
            await remote.clusters.attach(alias, (), uuid)
    except (NotAllowed, BackendDenied):
        await _undo(remote, known, urls)
        raise


async def _undo(remote: RemoteAis, now: Cluster, urls: list[str]) -> None:
    await remote.clusters.detach(now.alias)
    if before := [url for url in now.urls if url not in urls]:
        await remote.clusters.attach(now.alias, before, now.uuid)


async def _shown(remote: RemoteAis, cluster: Cluster) -> dict[str, Any]:
    maps = {url: each for url, each in (await _look(remote, cluster)).items() if _is_map(each)}
    if not cluster.uuid and maps:
        cluster = msgspec.structs.replace(cluster, uuid=next(iter(maps.values())).uuid)
        try:
            await remote.clusters.attach(cluster.alias, (), cluster.uuid)
        except NotAllowed as error:
            log.warning("attachment cannot be used", extra={"error": str(error)})
    for url, smap in maps.items():
        if smap.uuid == cluster.uuid:
            return {"url": url, "alias": cluster.alias, "uuid": cluster.uuid, "smap": smap.raw}
    url = cluster.urls[0] if cluster.uuid else f"[{' '.join(cluster.urls)}]"
    uuid = cluster.uuid or _DEFUNCT
    return {"url": url, "alias": cluster.alias, "uuid": uuid, "smap": None}


def _is_map(found: Smap | StorageError) -> TypeGuard[Smap]:
    return isinstance(found, Smap)


async def _look(remote: RemoteAis, cluster: Cluster) -> dict[str, Smap | StorageError]:
    """Return by URL the cluster's map, or why there is none."""

    async def look(url: str) -> Smap | StorageError:
        try:
            return await remote.backend.look_at(await remote.clusters.with_token(cluster), url)
        except StorageError as error:
            log.warning("remote cluster cannot be reached", extra={"error": str(error)})
            return error

    looks = await asyncio.gather(*(look(url) for url in cluster.urls))
    return dict(zip(cluster.urls, looks, strict=True))
