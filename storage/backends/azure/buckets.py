"""Containers of a storage account as buckets.

Their owner is the account, so `owner` is empty, and Azure does not say when one was created. The
tags of a bucket are the metadata of its container. Azure deletes a container with all that is in
it: one with objects is refused here, but what is written at that very moment is deleted too.
"""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

from msgspec.structs import replace

from storage.backend import BucketChange
from storage.backends.azure.facts import decoded_metadata, encoded_metadata
from storage.backends.azure.listing import Lister
from storage.backends.azure.names import check_container
from storage.backends.azure.place import PROVIDER, Place
from storage.backends.azure.service import Request, Service
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotEmpty,
    BucketNotFound,
    NotSupported,
)
from storage.values import BucketInfo, BucketOptions, ListQuery, Versioning

_CONTAINER = {"restype": "container"}
_METADATA = {**_CONTAINER, "comp": "metadata"}


class Buckets:
    def __init__(self, service: Service, lister: Lister) -> None:
        self._service = service
        self._lister = lister

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        if options.settings:
            raise NotSupported("settings of buckets", PROVIDER)
        if options.versioning is not Versioning.NEVER:
            raise NotSupported("versioning of one bucket", PROVIDER)
        if options.location:
            raise NotSupported("a location other than the account's", PROVIDER)
        try:
            check_container(name)
        except BucketNotFound:
            raise NotSupported(
                "a bucket with a name that no container can have", PROVIDER
            ) from None
        place, tags = Place(name), dict(options.tags)
        request = Request("PUT", _CONTAINER, encoded_metadata(tags))
        try:
            await self._service.send(place, request)
        except BucketNotFound:
            raise BackendUnavailable(
                str(place), "ContainerBeingDeleted", "its name is free again after 30 seconds"
            ) from None
        return BucketInfo(name, "", 0, tags=tags)

    async def head_bucket(self, name: str) -> BucketInfo:
        """A SAS token of one container may list it, and not ask for its metadata."""
        try:
            answer = await self._service.send(Place(name), Request("HEAD", _CONTAINER))
        except BackendDenied:
            await self._lister.list_objects(name, ListQuery(limit=1))
            return BucketInfo(name, "", 0)
        return BucketInfo(name, "", 0, tags=decoded_metadata(answer.headers))

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        """Tags can change."""
        old = await self.head_bucket(name)
        new = change(old)
        if new.settings != old.settings:
            raise NotSupported("settings of buckets", PROVIDER)
        if new.versioning is not old.versioning:
            raise NotSupported("versioning of one bucket", PROVIDER)
        if new.tags != old.tags:
            request = Request("PUT", _METADATA, encoded_metadata(new.tags))
            await self._service.send(Place(name), request)
        return replace(old, tags=new.tags)

    async def delete_bucket(self, name: str) -> None:
        if (await self._lister.list_objects(name, ListQuery(limit=1))).objects:
            raise BucketNotEmpty(name)
        await self._service.send(Place(name), Request("DELETE", _CONTAINER))

    async def list_buckets(self) -> list[BucketInfo]:
        found: list[BucketInfo] = []
        marker = ""
        while True:
            query = {
                "comp": "list",
                "include": "metadata",
                **({"marker": marker} if marker else {}),
            }
            answer = await self._service.send(Place(), Request("GET", query))
            try:
                rows, marker = await asyncio.to_thread(_read, answer.body)
            except (ElementTree.ParseError, ValueError):
                raise BackendError(str(Place()), "InvalidResponse", "it is not a list") from None
            found += rows
            if not marker:
                return sorted(found, key=lambda info: info.name)


def _read(body: bytes) -> tuple[list[BucketInfo], str]:
    root = ElementTree.fromstring(body)
    if root.tag != "EnumerationResults":
        raise ValueError(root.tag)
    return [_listed(row) for row in root.iterfind("Containers/Container")], (
        root.findtext("NextMarker") or ""
    )


def _listed(row: ElementTree.Element) -> BucketInfo:
    metadata = row.find("Metadata")
    fields = (
        {} if metadata is None else {f"x-ms-meta-{each.tag}": each.text or "" for each in metadata}
    )
    return BucketInfo(row.findtext("Name", ""), "", 0, tags=decoded_metadata(fields))
