"""The one interface every place that holds objects implements.

Contract: every method happens whole or not at all; `get_object` raises before it returns or not at
all (a stream that finds damage later ends with `Corrupt`, never with wrong bytes); `put_object` and
`put_part` show nothing until their body ended without an error; what a backend cannot do raises
`NotSupported`. The contract is executable: `tests/storage/contract.py` runs against every backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from storage.errors import StorageError
from storage.values import (
    ALWAYS,
    Attributes,
    Body,
    BodyDigest,
    BucketInfo,
    CompleteOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    ObjectInfo,
    Page,
    PartInfo,
    PartPage,
    PutOptions,
    Reading,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Usage,
    Want,
)

Change = Callable[[Attributes], Attributes]


class Backend(Protocol):
    """Where objects live. Any method that names a bucket may raise `BucketNotFound`."""

    async def create_bucket(self, name: str, *, owner: str, location: str = "") -> BucketInfo:
        """Raises `BucketExists` with the owner of the one that is there."""
        ...

    async def head_bucket(self, name: str) -> BucketInfo: ...

    async def delete_bucket(self, name: str) -> None:
        """Raises `BucketNotEmpty`; unfinished uploads go with the bucket."""
        ...

    async def list_buckets(self) -> list[BucketInfo]:
        """All buckets, ordered by name."""
        ...

    async def list_objects(self, bucket: str, query: ListQuery) -> Page: ...

    async def head_object(
        self, bucket: str, name: str, *, want: Want | None = None, condition: Condition = ALWAYS
    ) -> Reading:
        """As `get_object`, with an empty body."""
        ...

    async def get_object(
        self, bucket: str, name: str, *, want: Want | None = None, condition: Condition = ALWAYS
    ) -> Reading:
        """Raises `ObjectNotFound`, `NotModified`, `PreconditionFailed`, `RangeNotSatisfiable`,
        `PartNotFound`, `Corrupt`."""
        ...

    async def list_object_parts(
        self, bucket: str, name: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        """The parts of the upload that made a finished object; empty for one written whole."""
        ...

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        """Replaces what had the name. Raises `PreconditionFailed`, `ObjectNotFound` (if_match on
        nothing), `OutOfSpace`, and whatever the body or the digest raised."""
        ...

    async def update_object(
        self,
        bucket: str,
        name: str,
        change: Change,
        *,
        condition: Condition = ALWAYS,
        touch: bool = False,
    ) -> ObjectInfo:
        """Replace the attributes in one step; no byte moves. `touch` sets the modification time."""
        ...

    async def delete_object(self, bucket: str, name: str, *, condition: Condition = ALWAYS) -> bool:
        """True when there was one. With a condition, absence raises `ObjectNotFound`."""
        ...

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[StorageError | None]:
        """Each on its own, in the order of the requests: None where it is gone or never was, else
        why not, as `delete_object` raises it."""
        ...

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo: ...

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo: ...

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, digest: BodyDigest
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

    async def usage(self) -> Usage: ...
