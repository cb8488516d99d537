"""Transactions on an index: the protocol of mutations and engines.

SQLite's runs in the thread that owns the connection and never suspends; that of a database server
suspends at each round trip, and others run meanwhile. Both keep to this:

* **Hold, then read.** A mutation first holds its bucket and the names that it reads or changes, in
  one call. From then on no other transaction changes them, and whatever is read is what was
  committed before. A mutation that changes the bucket itself holds that alone.
* **Read, then write.** What a mutation raises it raises before it writes, so that it can share a
  transaction with others.
* **Values, and not cursors.** A read returns rows that can be kept while others run; where several
  are needed there is one call for all.
* **Writes return nothing.** An engine may put them off until the next read or the commit, as long
  as they happen in their order.
* **Failures of an engine are its own exceptions**, never a `StorageError`: that is the refusal of a
  single mutation. The caller of the transaction translates them.
* **Time is the engine's**: where several machines write, only their database's clock decides.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from storage.index.rows import PartRow, Row
from storage.index.versions import Bucket, Home, Stored
from storage.values import BucketInfo, UploadInfo

T = TypeVar("T")

# The bytes of a small object, or the manifest of one in chunks: themselves, or the number that the
# engine keeps them under, as `take_out` returns it.
Payload = bytes | int | None
# The name of an unfinished upload, and its id.
UploadKey = tuple[bytes, str]


class Place(NamedTuple):
    """A name as a new version finds it: what is current, be it a delete marker, and what gives way
    to the new version."""

    current: Stored | None
    replaced: Stored | None


class Transaction(Protocol):
    """Names are UTF-8, buckets are ids, sizes are bytes, times are nanoseconds since the epoch."""

    # Held to the end of the transaction

    async def hold(self, bucket: Bucket, *names: bytes) -> Home:
        """Hold the names for this transaction alone, and the bucket against changes; it is the same
        bucket, whatever its name is now. Once in a mutation. Raises `BucketNotFound` unless it
        takes objects."""
        ...

    async def hold_bucket(self, name: str) -> Bucket:
        """Hold a bucket that takes objects alone. Raises `BucketNotFound`."""
        ...

    async def hold_bucket_name(self, name: str) -> BucketInfo | None:
        """Hold a name for a bucket alone; return the bucket that has it, in whatever state."""
        ...

    def now_ns(self) -> int:
        """Return the time by the clock that decides, once something is held."""
        ...

    # Versions

    async def find(self, bucket: int, name: bytes, version: str | None = None) -> Stored | None:
        """Return the current version, or delete marker, or the version of that id."""
        ...

    async def find_all(
        self, bucket: int, wanted: Sequence[tuple[bytes, str | None]]
    ) -> list[Stored | None]:
        """Return what `find` does for each."""
        ...

    async def count_versions(self, bucket: int, name: bytes) -> int:
        """Count those beside the current object, or all when that is a delete marker."""
        ...

    async def payload(self, stored: Stored) -> bytes | None: ...

    async def put(self, home: Home, name: bytes, row: Row, payload: Payload, place: Place) -> None:
        """Make the row the current version, before those that are there; `place.replaced` goes with
        its payload. A delete marker has none."""
        ...

    async def replace_row(self, bucket: int, name: bytes, old: Stored, row: Row) -> None:
        """Give a version other facts; its payload and its place stay."""
        ...

    async def replace_bytes(
        self, bucket: int, name: bytes, old: Stored, row: Row, payload: bytes | None
    ) -> None:
        """Give a version other facts and another payload; its place stays."""
        ...

    async def remove(self, home: Home, name: bytes, old: Stored) -> None:
        """Remove a version with its payload. The newest that is left becomes current, if it is an
        object."""
        ...

    async def take_out(self, home: Home, name: bytes, stored: Stored) -> Payload:
        """Remove a version as `remove` does, but return its payload, to be put elsewhere."""
        ...

    # Bytes

    async def discard(self, blobs: Sequence[Sequence[str]], mountpath: str = "") -> None:
        """Leave blobs to the garbage collector. Those of one sequence go together, and not while a
        reader has the first of them. `mountpath` is the row's."""
        ...

    async def note_label(self, bucket: int, label: bytes, blob: str, name: bytes) -> None:
        """Note that the object whose blob is labelled with one name has another now."""
        ...

    async def forget_label(self, bucket: int, label: bytes, blob: str) -> None: ...

    def count(self, bucket: int, objects: int, size: int) -> None:
        """Add to the usage of the bucket; written with the commit."""
        ...

    # Uploads

    async def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None: ...

    async def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None: ...

    async def part(self, upload: str, number: int) -> PartRow | None: ...

    async def parts(self, uploads: Sequence[str]) -> list[PartRow]:
        """Return all parts of all of them."""
        ...

    async def put_part(self, upload: str, part: PartRow) -> None:
        """Put it in the place of an earlier one of its number."""
        ...

    async def remove_uploads(self, bucket: int, uploads: Sequence[UploadKey]) -> None:
        """Remove them with their parts."""
        ...

    async def completed(self, bucket: int, name: bytes, upload: str) -> Row | None:
        """Return the object that the upload became, if it was completed lately."""
        ...

    async def add_completed(
        self, bucket: int, name: bytes, upload: str, row: Row, time_ns: int
    ) -> None: ...

    # Buckets

    async def add_bucket(self, info: BucketInfo) -> Bucket:
        """Give a bucket its id."""
        ...

    async def has_label(self, label: str) -> bool:
        """Whether some bucket has that label, which is not its name, or is in the trash with it."""
        ...

    async def set_bucket(self, bucket: Bucket) -> None:
        """Give the bucket of that id other facts, also another name or label."""
        ...

    async def remove_bucket(self, key: int) -> None:
        """Remove a bucket that is empty, and what is remembered of completed uploads."""
        ...

    async def trash_bucket(self, bucket: Bucket) -> None:
        """Let the bucket be found no more; its label stays reserved."""
        ...

    async def forget_trash(self, key: int) -> None:
        """Remove an emptied bucket from the trash."""
        ...

    async def some_versions(self, bucket: int, limit: int) -> list[tuple[bytes, Stored]]:
        """Return at most so many versions of any names; none only of an empty bucket."""
        ...

    async def erase(self, bucket: int, versions: Sequence[tuple[bytes, Stored]]) -> None:
        """Remove them with their payloads; nothing becomes current in their place."""
        ...

    async def some_uploads(self, bucket: int, limit: int | None = None) -> list[UploadKey]:
        """Return at most so many unfinished uploads, or all."""
        ...

    async def count_bucket_change(self) -> None:
        """Add to the number that grows with each change of a bucket."""
        ...


Mutation = Callable[[Transaction], Coroutine[Any, Any, T]]
