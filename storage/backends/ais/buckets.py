"""Buckets of all attached clusters.

They belong to the other cluster, so `owner` is empty, and have no tags, locations and settings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from storage.backend import BucketChange
from storage.backends.ais.clusters import Cluster, Clusters
from storage.backends.ais.listing import Lister
from storage.backends.ais.place import PROVIDER, Place, bucket_name, place_of
from storage.backends.ais.service import Request, Service, bucket_path
from storage.backends.answers import lower_case
from storage.errors import BackendError, BucketNotEmpty, NotSupported, StorageError
from storage.values import BucketInfo, BucketOptions, ListQuery, Versioning

log = logging.getLogger(__name__)

_PROPS = "ais-bucket-props"


class _Bprops(Struct, frozen=True):
    created: str = "0"


class _Namespace(Struct, frozen=True):
    uuid: str = ""
    name: str = ""


class _Listed(Struct, frozen=True):
    name: str
    provider: str = PROVIDER
    namespace: _Namespace = _Namespace()


class Buckets:
    def __init__(self, service: Service, clusters: Clusters, lister: Lister) -> None:
        self._service = service
        self._clusters = clusters
        self._lister = lister

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        if options.settings or options.tags or options.location:
            raise NotSupported("settings of buckets", PROVIDER)
        if options.versioning is not Versioning.NEVER:
            raise NotSupported("versioning as S3 has it", PROVIDER)
        await self.create_with(name, {})
        return await self.head_bucket(name)

    async def create_with(self, name: str, props: Mapping[str, Any]) -> None:
        """Create a bucket with AIStore's properties, which the cluster checks. Raise
        `BucketExists`."""
        message = {"action": "create-bck", "value": dict(props) or None}
        await self._act("POST", place_of(name), message)

    async def head_bucket(self, name: str) -> BucketInfo:
        place = place_of(name)
        response = await self._service.open(place, Request("HEAD", bucket_path(place), place.query))
        async with response:
            text = lower_case(response).get(_PROPS, "{}")
        try:
            created = int(msgspec.json.decode(text, type=_Bprops).created)
        except (msgspec.DecodeError, ValueError):
            raise BackendError(str(place), "InvalidResponse", "it has no properties") from None
        return BucketInfo(name, "", created)

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        old = await self.head_bucket(name)
        if change(old) != old:
            raise NotSupported("update_bucket", PROVIDER)
        return old

    async def delete_bucket(self, name: str) -> None:
        """AIStore would destroy it with all objects, so it is looked at before."""
        if (await self._lister.list_objects(name, ListQuery(limit=1))).objects:
            raise BucketNotEmpty(name)
        await self.destroy_bucket(name)

    async def destroy_bucket(self, name: str) -> None:
        """Remove the bucket with all that is in it."""
        await self._act("DELETE", place_of(name), {"action": "destroy-bck", "value": None})

    async def _act(self, method: str, place: Place, message: Mapping[str, Any]) -> None:
        request = Request(method, bucket_path(place), place.query, message=message, once=True)
        await self._service.send(place, request)

    async def list_buckets(self) -> list[BucketInfo]:
        """Of all clusters; one that does not answer is left out, and that is logged."""
        clusters = [each for each in await self._clusters.attached() if each.uuid]
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._listed(each)) for each in clusters]
        found = [info for task in asked for info in task.result()]
        return sorted(found, key=lambda info: info.name)

    async def _listed(self, cluster: Cluster) -> list[BucketInfo]:
        try:
            return await self.buckets_of(cluster.uuid)
        except StorageError as error:
            log.warning("buckets of a cluster left out", extra={"error": str(error)})
            return []

    async def buckets_of(self, uuid: str) -> list[BucketInfo]:
        """Return the buckets of one cluster, ordered by name."""
        place = Place(uuid)
        message = {"action": "list", "name": "", "value": None}
        request = Request("GET", "buckets", {"provider": PROVIDER}, message=message)
        answer = await self._service.send(place, request)
        try:
            listed = msgspec.json.decode(answer.body, type=list[_Listed] | None) or []
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BackendError(str(place), "InvalidResponse", "it is not a list") from None
        names = [
            bucket_name(uuid, each.namespace.name, each.name)
            for each in listed
            if each.provider == PROVIDER and not each.namespace.uuid
        ]
        return [BucketInfo(name, "", 0) for name in sorted(names)]
