"""The backend for S3 endpoints, composed of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn, Self

from storage.backend import BucketChange, unchanged
from storage.backends.aws.buckets import Buckets
from storage.backends.aws.deleting import ObjectDeleter
from storage.backends.aws.listing import Lister
from storage.backends.aws.options import AwsOptions
from storage.backends.aws.place import PROVIDER
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Remote
from storage.backends.aws.uploads import Uploads
from storage.backends.aws.writing import ObjectWriter
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import NotSupported, StorageError
from storage.values import (
    READ_ALL,
    BucketInfo,
    ObjectInfo,
    ObjectRead,
    Reading,
    ReadOptions,
    RenameOptions,
    Usage,
)


class AwsBackend:
    """One endpoint, with one set of credentials, on one event loop. Nothing is sent, and the client
    library is not imported, before the first request."""

    capabilities = Capability.VERSIONS | Capability.UPLOADS

    def __init__(self, options: AwsOptions) -> None:
        self.options = options
        self._remote = remote = Remote(options)
        buckets, reader, lister = Buckets(remote), ObjectReader(remote), Lister(remote)
        writer, deleter = ObjectWriter(remote, reader), ObjectDeleter(remote, reader)
        uploads = Uploads(remote, reader, lister)

        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.list_versions = lister.list_versions
        self.show_versions = lister.show_versions
        self.list_uploads = lister.list_uploads

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
        await self._remote.aclose()

    # What S3 has no request for

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
