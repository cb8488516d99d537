"""The web as a backend: reading, and nothing else.

The names of its buckets are the URLs of directories. It has no listings: only a directory's server
knows its files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from storage.backend import BucketChange, Change
from storage.backends.http.addresses import BadUrl, Directory, split_url
from storage.backends.http.options import HttpOptions
from storage.backends.http.place import PROVIDER, Place
from storage.backends.http.reading import WebReader
from storage.backends.http.web import Web
from storage.backends.refusing import WithoutUploads, WithoutVersions
from storage.capabilities import NO_CAPABILITIES
from storage.errors import BucketNotFound, NotSupported, ObjectNotFound, StorageError
from storage.values import (
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
    Body,
    BucketInfo,
    BucketOptions,
    DeleteRequest,
    Deletion,
    ListedPage,
    ListQuery,
    ObjectInfo,
    Page,
    PutOptions,
    Reading,
    ReadOptions,
    UpdateOptions,
)

T = TypeVar("T")


class HttpBackend(WithoutVersions, WithoutUploads):
    """All web servers that `web` reaches."""

    capabilities = NO_CAPABILITIES
    refuses_as = f"{PROVIDER}, a provider that is only read"

    def __init__(self, web: Web, options: HttpOptions) -> None:
        self._web = web
        self.reader = WebReader(web, options)

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
        self._refuse("list_objects")

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        self._refuse("show_objects")

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        self._refuse("put_object")

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        self._refuse("update_object")

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        self._refuse("delete_object")

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        self._refuse("delete_objects")

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        self._refuse("create_bucket")

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        self._refuse("update_bucket")

    async def delete_bucket(self, name: str) -> None:
        self._refuse("delete_bucket")


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
