"""The web as a backend: reading, and nothing else.

The names of its buckets are the URLs of directories. It has no listings: only a directory's server
knows its files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from storage.backend import BucketChange, Change, unchanged
from storage.backends.http.addresses import BadUrl, Directory, split_url
from storage.backends.http.options import HttpOptions
from storage.backends.http.place import PROVIDER, Place
from storage.backends.http.reading import WebReader
from storage.backends.http.web import Web
from storage.capabilities import NO_CAPABILITIES
from storage.chunking import Chunking
from storage.errors import BucketNotFound, NotSupported, ObjectNotFound, StorageError
from storage.values import (
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
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
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


class HttpBackend:
    """All web servers that `web` reaches."""

    capabilities = NO_CAPABILITIES

    def __init__(self, web: Web, options: HttpOptions) -> None:
        self._web = web
        self.reader = WebReader(web, options)

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
        await self._web.aclose()

    async def list_buckets(self) -> list[BucketInfo]:
        """Return an empty list: any directory is a bucket."""
        return []

    async def head_bucket(self, name: str) -> BucketInfo:
        """Raises `BucketNotFound` for what is not the URL of a directory."""
        return BucketInfo(_directory(name).url, "", 0)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        return await self.reader.head(_place(bucket, name), _unversioned(options))

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        return await self.reader.get(_place(bucket, name), _unversioned(options))

    async def is_same(self, bucket: str, known: ObjectInfo) -> bool:
        """Whether an object is still the known one, as its server says by a condition. Raises as
        `head_object` does."""
        return await self.reader.is_same(_place(bucket, known.name), known)

    # What the web has no request for, or not for us

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        _refuse("list_objects")

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        _refuse("show_objects")

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        _refuse("get_objects")

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        _refuse("put_object")

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        _refuse("update_object")

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        _refuse("rename_object")

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        _refuse("delete_object")

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        _refuse("delete_objects")

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        _refuse("list_versions")

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        _refuse("show_versions")

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        _refuse("create_upload")

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        _refuse("head_upload")

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        _refuse("put_part")

    async def list_parts(self, bucket: str, name: str, upload_id: str, **page: Any) -> PartPage:
        _refuse("list_parts")

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        _refuse("complete_upload")

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        _refuse("abort_upload")

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        _refuse("list_uploads")

    async def list_object_parts(self, bucket: str, name: str, **page: Any) -> PartPage:
        _refuse("list_object_parts")

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        _refuse("create_bucket")

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        _refuse("update_bucket")

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        _refuse("rename_bucket")

    async def delete_bucket(self, name: str) -> None:
        _refuse("delete_bucket")

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


def _place(bucket: str, name: str) -> Place:
    directory = _directory(bucket)
    try:
        url = directory.url_of(name)
    except BadUrl:
        raise ObjectNotFound(name) from None
    return Place(url, name, f"{PROVIDER}://{directory.bucket}/{name.partition('?')[0]}")


def _directory(bucket: str) -> Directory:
    try:
        parts = split_url(bucket)
    except BadUrl:
        raise BucketNotFound(bucket) from None
    if parts.query or not parts.path.endswith("/"):
        raise BucketNotFound(bucket)
    return Directory(bucket)


def _unversioned(options: ReadOptions) -> ReadOptions:
    if options.version not in (None, NULL_VERSION):
        raise NotSupported("versions of objects", PROVIDER)
    return options


def _refuse(operation: str) -> NoReturn:
    raise NotSupported(operation, f"{PROVIDER}, a provider that is only read")
