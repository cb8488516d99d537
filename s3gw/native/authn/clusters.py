"""`/v1/clusters`: clusters that AuthN knows by name, for use in roles.

    {"id": "UUID", "alias": "prod", "urls": ["http://..."]}

Nothing is fetched from the addresses: clients ask a cluster for its id themselves.
"""

from __future__ import annotations

from msgspec import Struct

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.identity import clusters
from s3gw.identity.clusters import Cluster
from s3gw.native.answers import json_reply
from s3gw.native.authn.directory import directory_of, told
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.operation import document, operation


class ClusterInfo(Struct, frozen=True):
    id: str = ""
    alias: str | None = None
    urls: list[str] | None = None


class ClusterList(Struct, frozen=True):
    clusters: dict[str, ClusterInfo]


@operation("GET", "clusters", access=Access.ADMIN, needs_admin=True)
class ListClusters:
    async def run(self, call: NativeCall) -> Reply:
        directory = directory_of(call)
        await directory.refresh()
        return _listed(*clusters.known(directory).values())


@operation("POST", "clusters", access=Access.ADMIN, needs_admin=True, is_audited=True)
class RegisterCluster:
    info: ClusterInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        call.made = self.info.id
        made = Cluster(self.info.id, self.info.alias or "", tuple(self.info.urls or ()))
        with told():
            await clusters.add(directory_of(call), made)
        return Reply()


@operation("GET", "clusters/{cluster}", access=Access.ADMIN, needs_admin=True)
class GetCluster:
    """Find a cluster by its id or its alias."""

    async def run(self, call: NativeCall) -> Reply:
        return _listed(await _found(call))


@operation("PUT", "clusters/{cluster}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class UpdateCluster:
    """Change a cluster. An alias or addresses that are not sent stay as they are."""

    info: ClusterInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        found = await _found(call)
        if self.info.id not in ("", found.id):
            raise NativeError(400, "the id of a cluster cannot be changed")
        urls = tuple(self.info.urls or found.urls)
        with told():
            changed = Cluster(found.id, self.info.alias or found.alias, urls)
            await clusters.update(directory_of(call), changed)
        return Reply()


@operation("DELETE", "clusters/{cluster}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class DeleteCluster:
    async def run(self, call: NativeCall) -> Reply:
        found = await _found(call)
        with told():
            await clusters.remove(directory_of(call), found.id)
        return Reply()


async def _found(call: NativeCall) -> Cluster:
    directory = directory_of(call)
    await directory.refresh()
    with told():
        return clusters.find(directory, call.name)


def _listed(*found: Cluster) -> Reply:
    rows = {each.id: ClusterInfo(each.id, each.alias, list(each.urls)) for each in found}
    return json_reply(ClusterList(rows))
