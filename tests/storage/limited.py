"""A backend with chosen abilities; with none, the smallest that the contract allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from storage.backend import BucketChange, Change, unchanged
from storage.backends.memory import MemoryBackend
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.clock import Clock
from storage.errors import NotSupported, StorageError
from storage.values import (
    READ_ALL,
    UPDATE_CURRENT,
    Attributes,
    Body,
    BucketInfo,
    BucketOptions,
    CompleteOptions,
    DeleteRequest,
    Deletion,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectInfo,
    ObjectRead,
    Page,
    PartInfo,
    PartOptions,
    PartPage,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Usage,
    Versioning,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


class LimitedBackend:
    """Delegates to the model what every backend does and what it declares, and refuses the rest."""

    def __init__(self, clock: Clock, capabilities: Capability) -> None:
        self.capabilities = capabilities
        self._inner = MemoryBackend(clock)

    def _require(self, capability: Capability, operation: str) -> None:
        if capability not in self.capabilities:
            raise NotSupported(operation, "a limited backend")

    # What every backend does

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        self._check_versioning(options.versioning)
        return await self._inner.create_bucket(name, options)

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        def checked(old: BucketInfo) -> BucketInfo:
            new = change(old)
            self._check_versioning(new.versioning)
            return new

        return await self._inner.update_bucket(name, checked)

    async def head_bucket(self, name: str) -> BucketInfo:
        return await self._inner.head_bucket(name)

    async def delete_bucket(self, name: str) -> None:
        await self._inner.delete_bucket(name)

    async def list_buckets(self) -> list[BucketInfo]:
        return await self._inner.list_buckets()

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        return await self._inner.list_objects(bucket, query)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return await self._inner.show_objects(bucket, query, show)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        self._check_version(options.version)
        return await self._inner.head_object(bucket, name, options)

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        self._check_version(options.version)
        return await self._inner.get_object(bucket, name, options)

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        if options.chunks is not None:
            self._require(Capability.CHUNKS, "chunks")
        self._check_attributes(options.attributes)
        return await self._inner.put_object(bucket, name, body, options)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        def checked(old: Attributes) -> Attributes:
            new = change(old)
            self._check_attributes(new)
            return new

        self._check_version(options.version)
        return await self._inner.update_object(bucket, name, checked, options)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        self._check_version(request.version)
        return await self._inner.delete_object(bucket, request)

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        for request in requests:
            self._check_version(request.version)
        return await self._inner.delete_objects(bucket, requests)

    # Optional abilities

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        self._require(Capability.VERSIONS, "list_versions")
        return await self._inner.list_versions(bucket, query)

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        self._require(Capability.VERSIONS, "show_versions")
        return await self._inner.show_versions(bucket, query, show)

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        self._require(Capability.READ_MANY, "get_objects")
        return await self._inner.get_objects(reads, room_bytes)

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        self._require(Capability.RENAME_OBJECTS, "rename_object")
        return await self._inner.rename_object(bucket, source, name, options)

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        self._require(Capability.RENAME_BUCKETS, "rename_bucket")
        return await self._inner.rename_bucket(name, new_name, change)

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        self._require(Capability.DISCARD_BUCKETS, "discard_bucket")
        await self._inner.discard_bucket(name, change)

    async def buckets_revision(self) -> int:
        self._require(Capability.BUCKETS_REVISION, "buckets_revision")
        return await self._inner.buckets_revision()

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        self._require(Capability.CHUNKS, "rechunk_object")
        return await self._inner.rechunk_object(bucket, name, chunks, options)

    async def usage(self) -> Usage:
        self._require(Capability.USAGE, "usage")
        return await self._inner.usage()

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        self._require(Capability.UPLOADS, "create_upload")
        return await self._inner.create_upload(bucket, name, options)

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        self._require(Capability.UPLOADS, "head_upload")
        return await self._inner.head_upload(bucket, name, upload_id)

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        self._require(Capability.UPLOADS, "put_part")
        return await self._inner.put_part(bucket, name, upload_id, number, body, options)

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        self._require(Capability.UPLOADS, "list_parts")
        return await self._inner.list_parts(bucket, name, upload_id, after=after, limit=limit)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        self._require(Capability.UPLOADS, "complete_upload")
        return await self._inner.complete_upload(bucket, name, upload_id, options)

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        self._require(Capability.UPLOADS, "abort_upload")
        await self._inner.abort_upload(bucket, name, upload_id)

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        self._require(Capability.UPLOADS, "list_uploads")
        return await self._inner.list_uploads(bucket, query)

    async def list_object_parts(self, bucket: str, name: str, **page: Any) -> PartPage:
        self._require(Capability.UPLOADS, "list_object_parts")
        return await self._inner.list_object_parts(bucket, name, **page)

    def _check_versioning(self, versioning: Versioning) -> None:
        if versioning is not Versioning.NEVER:
            self._require(Capability.VERSIONS, "versioning")

    def _check_version(self, version: str | None) -> None:
        if version is not None:
            self._require(Capability.VERSIONS, "reaching a version")

    def _check_attributes(self, attributes: Attributes) -> None:
        if attributes.lock is not None:
            self._require(Capability.LOCKS, "locking")
        if attributes.encryption is not None:
            self._require(Capability.ENCRYPTION, "encryption")
