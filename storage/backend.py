"""The interface of a backend, as a few small protocols.

Every method happens whole or not at all. `get_object` raises before it returns or not at all: a
stream that finds damage later ends with `Corrupt`, never with wrong bytes. `put_object` and
`put_part` show nothing until their body has ended without an error. A method or an option that
needs a `Capability` that the backend does not declare raises `NotSupported`. Any method that names
a bucket may raise `BucketNotFound`.

The contract is executable: `tests/storage/contract.py` runs against every backend what it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import StorageError
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
    Stream,
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
Change = Callable[[Attributes], Attributes]
BucketChange = Callable[[BucketInfo], BucketInfo]


def unchanged(bucket: BucketInfo) -> BucketInfo:
    return bucket


class Objects(Protocol):
    """Current versions of objects by name."""

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        """Current versions, without those that are delete markers."""
        ...

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        """What `show` makes of the page that `list_objects` returns, or raises. It is called where
        the rows are read, maybe in a thread: the caller's loop then does nothing for each row, and
        nothing is read of a row that listings do not show."""
        ...

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        """As `get_object`, with an empty body; nothing is decrypted."""
        ...

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        """Raises `ObjectNotFound`, `VersionNotFound`, `DeleteMarkerFound`, `NotModified`,
        `PreconditionFailed`, `RangeNotSatisfiable`, `PartNotFound`, `Corrupt`, and what
        `options.unlock` raised."""
        ...

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        """Return the first of those objects, in their order: as many as have room for their bodies,
        at least one. Each is what `get_object` returns or raises; only the last body may be a
        stream. If an `unlock` raises anything but a `StorageError`, so does the call."""
        ...

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        """The new current version, in the place of the old or on top of it, as the bucket's
        versioning says. Raises `PreconditionFailed`, `ObjectNotFound` (if_match on nothing),
        `ObjectLocked`, `OutOfSpace`, and whatever the body or the digest raised."""
        ...

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        """Replace the attributes of one version in one step; no byte moves. `change` is pure, and
        what it raises leaves the object as it was. Raises as `get_object` does."""
        ...

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        """The current version of `source` becomes that of `name`; no byte moves. In a bucket with
        versioning a delete marker takes its place. It is never found under both names or neither.
        Raises `ObjectNotFound`, `PreconditionFailed`, `ObjectLocked`."""
        ...

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        """Deleting an object that is not there succeeds; with a condition, it raises
        `ObjectNotFound`. Raises `PreconditionFailed`, also of a version that is not `still` what
        was asked for, and `ObjectLocked`."""
        ...

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        """Each on its own, in the order of the requests: what it did, or what `delete_object` would
        have raised."""
        ...


class Versions(Protocol):
    """Older versions and delete markers. The methods of `Objects` reach one by its id in their
    options."""

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        """Every version and delete marker; in a bucket without versioning the null versions."""
        ...

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        """What `show` makes of the page that `list_versions` returns, as in `show_objects`."""
        ...


class Uploads(Protocol):
    """Multipart uploads, and the parts that a finished object was completed from."""

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo: ...

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo: ...

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        """Replaces an earlier part of that number."""
        ...

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage: ...

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        """No byte is copied. Repeating a completed upload returns the same object facts, for a week
        at least. Raises, looked for in this order, `UploadNotFound`, `PartNotFound`, what
        `assemble` raised, and `PreconditionFailed`."""
        ...

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None: ...

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage: ...

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        """The parts of the upload that an object was completed from; empty for one put whole."""
        ...


class Buckets(Protocol):
    """Buckets by name, with their documents."""

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        """Raises `BucketExists` with the owner of the one that is there."""
        ...

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        """Replace the facts of a bucket in one step; `change` is pure, and what it raises leaves
        the bucket as it was. Name, owner and creation time stay."""
        ...

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        """Give the bucket a new name and apply `change`; no byte moves. Writes that are under way
        end in it, unfinished uploads go on. Raises `BucketExists`, and what `change` raised: then
        nothing was done."""
        ...

    async def head_bucket(self, name: str) -> BucketInfo: ...

    async def delete_bucket(self, name: str) -> None:
        """Raises `BucketNotEmpty`, also when there are delete markers only; unfinished uploads go
        with the bucket."""
        ...

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        """Remove the bucket in one step with all that is in it, locked or not; its room on the
        disks is freed later. What `change` raises leaves the bucket as it was."""
        ...

    async def list_buckets(self) -> list[BucketInfo]:
        """All buckets, ordered by name."""
        ...

    async def buckets_revision(self) -> int:
        """A number that grows with every change of any bucket, and never falls."""
        ...


class Maintenance(Protocol):
    """Upkeep of a store: its layout on the disks, and what it holds."""

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        """Store one version in chunks of that size, or in one piece; return False if it is stored
        so already. Nothing else of it changes. Raises as `get_object` does, and `ObjectChanged`
        when it was replaced meanwhile; the new bytes then stay."""
        ...

    async def usage(self) -> Usage: ...


class Backend(Objects, Versions, Uploads, Buckets, Maintenance, Protocol):
    """A place that holds objects. Code that needs a part of it takes that protocol."""

    @property
    def capabilities(self) -> Capability: ...


class Store(Backend, Protocol):
    """A backend that keeps the bytes itself."""

    async def get_part(self, bucket: str, name: str, upload_id: str, number: int) -> bytes | Stream:
        """The bytes of one part of an unfinished upload that is not encrypted; a stream must be
        closed by its holder, and can be read to its end when the upload ends meanwhile. Raises
        `UploadNotFound`, `PartNotFound`."""
        ...
