"""Bases of backends whose far side lacks some abilities.

Each method here belongs to an ability that such a backend does not declare, and refuses with
`NotSupported`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import ClassVar, NoReturn, Self, TypeVar

from storage.backend import BucketChange, unchanged
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


class FarBackend:
    """What no far side has, and the end of the connections to it. `refuses_as` names the backend
    in refusals."""

    refuses_as: ClassVar[str]

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
        raise NotImplementedError

    def _refuse(self, operation: str) -> NoReturn:
        raise NotSupported(operation, self.refuses_as)

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        self._refuse("get_objects")

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        self._refuse("rename_object")

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        self._refuse("rename_bucket")

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        self._refuse("discard_bucket")

    async def buckets_revision(self) -> int:
        self._refuse("buckets_revision")

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        self._refuse("rechunk_object")

    async def usage(self) -> Usage:
        self._refuse("usage")


class WithoutVersions(FarBackend):
    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        self._refuse("list_versions")

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        self._refuse("show_versions")


class WithoutUploads(FarBackend):
    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        self._refuse("create_upload")

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        self._refuse("head_upload")

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        self._refuse("put_part")

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        self._refuse("list_parts")

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        self._refuse("complete_upload")

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        self._refuse("abort_upload")

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        self._refuse("list_uploads")

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        self._refuse("list_object_parts")
