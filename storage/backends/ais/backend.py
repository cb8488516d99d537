"""The backend for other AIStore clusters, composed of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from storage.backend import BucketChange, unchanged
from storage.backends.ais.buckets import Buckets
from storage.backends.ais.clusters import Cluster, Clusters
from storage.backends.ais.listing import Lister
from storage.backends.ais.options import AisOptions
from storage.backends.ais.place import PROVIDER
from storage.backends.ais.reading import ObjectReader
from storage.backends.ais.service import Service, Smap
from storage.backends.ais.writing import ObjectWriter
from storage.capabilities import NO_CAPABILITIES
from storage.chunking import Chunking
from storage.errors import NotSupported, StorageError
from storage.values import (
    READ_ALL,
    Body,
    BucketInfo,
    CompleteOptions,
    ListedVersionPage,
    ObjectInfo,
    ObjectRead,
    PartInfo,
    PartOptions,
    PartPage,
    Reading,
    ReadOptions,
    RenameOptions,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Usage,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")
DEFAULTS = AisOptions()


class AisBackend:
    """All attached clusters, on one event loop. Nothing is sent, and no client library is
    imported, before the first request."""

    capabilities = NO_CAPABILITIES

    def __init__(self, clusters: Clusters, options: AisOptions = DEFAULTS) -> None:
        self.clusters = clusters
        self._service = service = Service(options, clusters)
        reader, lister = ObjectReader(service), Lister(service)
        buckets, writer = Buckets(service, clusters, lister), ObjectWriter(service, reader)

        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets
        self.buckets_of = buckets.buckets_of

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.head_object = reader.head_object
        self.get_object = reader.get_object
        self.put_object = writer.put_object
        self.update_object = writer.update_object
        self.delete_object = writer.delete_object
        self.delete_objects = writer.delete_objects

    async def look_at(self, cluster: Cluster, url: str) -> Smap:
        """Return the map of the cluster at that URL, which need not be attached."""
        return await self._service.look_at(cluster, url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; bodies that are still read break off."""
        await self._service.aclose()

    # What is not done at other clusters

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        _refuse("create_upload")

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        _refuse("head_upload")

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        _refuse("put_part")

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        _refuse("list_parts")

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        _refuse("complete_upload")

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        _refuse("abort_upload")

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        _refuse("list_uploads")

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        _refuse("list_object_parts")

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        _refuse("list_versions")

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        _refuse("show_versions")

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        _refuse("get_objects")

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        _refuse("rename_object")

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        _refuse("rename_bucket")

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        _refuse("discard_bucket")

    async def buckets_revision(self) -> int:
        _refuse("buckets_revision")

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        _refuse("rechunk_object")

    async def usage(self) -> Usage:
        _refuse("usage")


def _refuse(operation: str) -> NoReturn:
    raise NotSupported(operation, PROVIDER)
