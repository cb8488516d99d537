"""The backend for Azure Blob Storage, composed of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from storage.backend import BucketChange, unchanged
from storage.backends.azure.buckets import Buckets
from storage.backends.azure.deleting import ObjectDeleter
from storage.backends.azure.listing import Lister
from storage.backends.azure.options import AzureOptions
from storage.backends.azure.place import PROVIDER
from storage.backends.azure.reading import ObjectReader
from storage.backends.azure.service import Service
from storage.backends.azure.uploads import Uploads
from storage.backends.azure.writing import ObjectWriter
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import NotSupported, StorageError
from storage.values import (
    READ_ALL,
    BucketInfo,
    ListedVersionPage,
    ObjectInfo,
    ObjectRead,
    Reading,
    ReadOptions,
    RenameOptions,
    Usage,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


class AzureBackend:
    """One storage account, with one set of credentials, on one event loop. Nothing is sent, and no
    client library is imported, before the first request."""

    capabilities = Capability.UPLOADS

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self._service = service = Service(options)
        reader, lister = ObjectReader(service), Lister(service)
        buckets, uploads = Buckets(service, lister), Uploads(service, reader)
        writer, deleter = ObjectWriter(service, reader), ObjectDeleter(service, reader)

        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.head_object = reader.head_object
        self.get_object = reader.get_object
        self.put_object = writer.put_object
        self.update_object = writer.update_object
        self.delete_object = deleter.delete_object
        self.delete_objects = deleter.delete_objects

        self.create_upload = uploads.create_upload
        self.head_upload = uploads.head_upload
        self.put_part = uploads.put_part
        self.list_parts = uploads.list_parts
        self.complete_upload = uploads.complete_upload
        self.abort_upload = uploads.abort_upload
        self.list_uploads = uploads.list_uploads
        self.list_object_parts = uploads.list_object_parts

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

    # What Azure has no request for; versions are of the whole account, and have no delete markers

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
