"""An index in memory whose transactions suspend at every call, as a database server's do.

It is strict where SQLite is lenient. Other transactions run at each call, so that a lock which was
not taken shows. Writes wait until the next read, as the protocol allows. And it fails where a
mutation reads or changes a name that it does not hold, or raises after it wrote.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from storage.clock import Clock
from storage.errors import BucketNotFound
from storage.index.rows import PartRow, Row
from storage.index.transaction import Mutation, Payload, Place, UploadKey
from storage.index.versions import Bucket, Home, Stored
from storage.values import BucketInfo, UploadInfo

T = TypeVar("T")

Name = tuple[int, bytes]


@dataclass
class Tables:
    """Versions are newest first; the number in `Stored.age` tells them apart."""

    buckets: dict[int, BucketInfo] = field(default_factory=dict)
    trash: dict[int, BucketInfo] = field(default_factory=dict)
    versions: dict[Name, list[Stored]] = field(default_factory=dict)
    usage: dict[int, tuple[int, int]] = field(default_factory=dict)
    garbage: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    renamed: dict[tuple[int, bytes, str], bytes] = field(default_factory=dict)
    uploads: dict[tuple[int, bytes, str], UploadInfo] = field(default_factory=dict)
    parts: dict[tuple[str, int], PartRow] = field(default_factory=dict)
    completed: dict[str, tuple[int, bytes, int, Row]] = field(default_factory=dict)
    bucket_changes: int = 0


class _SharedLock:
    """Held by many, or by one alone."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._sharers = 0
        self._is_held = False

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_held)
            self._sharers += 1
        try:
            yield
        finally:
            async with self._changed:
                self._sharers -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_held and not self._sharers)
            self._is_held = True
        try:
            yield
        finally:
            async with self._changed:
                self._is_held = False
                self._changed.notify_all()


class SuspendingIndex:
    """For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables = Tables()
        self.keys = count(1)
        self.ages = count(1)
        self.bucket_locks: defaultdict[int, _SharedLock] = defaultdict(_SharedLock)
        self.name_locks: defaultdict[Name, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.bucket_name_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, mutation: Mutation[T]) -> T:
        """Commit the mutation. Raises what it raises."""
        async with AsyncExitStack() as locks:
            transaction = SuspendingTransaction(self, locks)
            try:
                result = await mutation(transaction)
            except Exception as error:
                if transaction.wrote:
                    raise AssertionError("the mutation raised after it had written") from error
                raise
            transaction.commit()
            return result


class SuspendingTransaction:
    """A `Transaction`."""

    def __init__(self, index: SuspendingIndex, locks: AsyncExitStack) -> None:
        self.wrote = False
        self._index = index
        self._locks = locks
        self._tables = index.tables
        self._held: set[Name] = set()
        self._bucket: int | None = None
        self._waiting: list[Callable[[], None]] = []
        self._counted: list[tuple[int, int, int]] = []

    def commit(self) -> None:
        self._write_out()
        for bucket, objects, size in self._counted:
            if bucket in self._tables.usage:
                before = self._tables.usage[bucket]
                self._tables.usage[bucket] = before[0] + objects, before[1] + size

    def _write_out(self) -> None:
        for write in self._waiting:
            write()
        self._waiting.clear()

    async def _reading(self) -> None:
        await asyncio.sleep(0)
        self._write_out()

    async def _writing(self, write: Callable[[], None]) -> None:
        self.wrote = True
        await asyncio.sleep(0)
        self._waiting.append(write)

    def _require_held(self, bucket: int, name: bytes) -> None:
        assert (bucket, name) in self._held, f"{name!r} is not held"

    async def hold(self, bucket: Bucket, *names: bytes) -> Home:
        assert self._bucket is None, "there is a bucket that is held already"
        self._bucket = bucket.key
        await self._locks.enter_async_context(self._index.bucket_locks[bucket.key].shared())
        for name in sorted(set(names)):
            await self._locks.enter_async_context(self._index.name_locks[bucket.key, name])
            self._held.add((bucket.key, name))
        await self._reading()
        info = self._tables.buckets.get(bucket.key)
        if info is None:
            raise BucketNotFound(bucket.info.name)
        return Home(bucket.key, info.versioning)

    async def hold_bucket(self, name: str) -> Bucket:
        assert self._bucket is None, "there is a bucket that is held already"
        await self._reading()
        found = self._bucket_named(name)
        if found is None:
            raise BucketNotFound(name)
        self._bucket = found.key
        await self._locks.enter_async_context(self._index.bucket_locks[found.key].alone())
        await self._reading()
        if self._bucket_named(name) is None:  # it has another name now
            raise BucketNotFound(name)
        return Bucket(found.key, self._tables.buckets[found.key])

    async def hold_bucket_name(self, name: str) -> BucketInfo | None:
        await self._locks.enter_async_context(self._index.bucket_name_locks[name])
        await self._reading()
        found = self._bucket_named(name)
        return None if found is None else found.info

    def _bucket_named(self, name: str) -> Bucket | None:
        buckets = self._tables.buckets.items()
        return next((Bucket(*each) for each in buckets if each[1].name == name), None)

    def now_ns(self) -> int:
        assert self._bucket is not None, "nothing is held yet"
        return self._index.clock.now_ns()

    async def find(self, bucket: int, name: bytes, version: str | None = None) -> Stored | None:
        (found,) = await self.find_all(bucket, [(name, version)])
        return found

    async def find_all(
        self, bucket: int, wanted: Sequence[tuple[bytes, str | None]]
    ) -> list[Stored | None]:
        await self._reading()
        return [self._find(bucket, *each) for each in wanted]

    def _find(self, bucket: int, name: bytes, version: str | None) -> Stored | None:
        self._require_held(bucket, name)
        there = self._tables.versions.get((bucket, name), [])
        return next((each for each in there if version in (None, each.row.version)), None)

    async def count_versions(self, bucket: int, name: bytes) -> int:
        self._require_held(bucket, name)
        await self._reading()
        there = self._tables.versions.get((bucket, name), [])
        return len(there) - (bool(there) and not there[0].row.delete_marker)

    async def payload(self, stored: Stored) -> bytes | None:
        await self._reading()
        return bytes_of(stored.payload)

    async def put(self, home: Home, name: bytes, row: Row, payload: Payload, place: Place) -> None:
        self._require_held(home.key, name)
        new = Stored(row, payload, next(self._index.ages))

        def write() -> None:
            there = self._tables.versions.setdefault((home.key, name), [])
            if place.replaced is not None:
                del there[_at(there, place.replaced)]
            assert place.current is None or place.current in (place.replaced, *there[:1])
            there.insert(0, new)

        await self._writing(write)

    async def replace_row(self, bucket: int, name: bytes, old: Stored, row: Row) -> None:
        await self.replace_bytes(bucket, name, old, row, bytes_of(old.payload))

    async def replace_bytes(
        self, bucket: int, name: bytes, old: Stored, row: Row, payload: bytes | None
    ) -> None:
        self._require_held(bucket, name)

        def write() -> None:
            there = self._tables.versions[bucket, name]
            there[_at(there, old)] = Stored(row, payload, old.age)

        await self._writing(write)

    async def remove(self, home: Home, name: bytes, old: Stored) -> None:
        self._require_held(home.key, name)
        await self._writing(lambda: self._remove(home.key, name, old))

    async def take_out(self, home: Home, name: bytes, stored: Stored) -> Payload:
        await self.remove(home, name, stored)
        return stored.payload

    def _remove(self, bucket: int, name: bytes, old: Stored) -> None:
        there = self._tables.versions[bucket, name]
        del there[_at(there, old)]
        if not there:
            del self._tables.versions[bucket, name]

    async def discard(self, blobs: Sequence[Sequence[str]], mountpath: str = "") -> None:
        rows = [(mountpath, tuple(each)) for each in blobs]
        await self._writing(lambda: self._tables.garbage.extend(rows))

    async def note_label(self, bucket: int, label: bytes, blob: str, name: bytes) -> None:
        key = bucket, label, blob
        await self._writing(lambda: self._tables.renamed.update({key: name}))

    async def forget_label(self, bucket: int, label: bytes, blob: str) -> None:
        key = bucket, label, blob
        await self._writing(lambda: _forget(self._tables.renamed, [key]))

    def count(self, bucket: int, objects: int, size: int) -> None:
        self._counted.append((bucket, objects, size))

    async def upload(self, bucket: int, name: bytes, upload: str) -> UploadInfo | None:
        self._require_held(bucket, name)
        await self._reading()
        return self._tables.uploads.get((bucket, name, upload))

    async def add_upload(self, bucket: int, name: bytes, upload: UploadInfo) -> None:
        self._require_held(bucket, name)
        key = bucket, name, upload.id
        await self._writing(lambda: self._tables.uploads.update({key: upload}))

    async def part(self, upload: str, number: int) -> PartRow | None:
        await self._reading()
        return self._tables.parts.get((upload, number))

    async def parts(self, uploads: Sequence[str]) -> list[PartRow]:
        await self._reading()
        parts = sorted(self._tables.parts.items(), key=lambda each: each[0])
        return [part for upload in uploads for key, part in parts if key[0] == upload]

    async def put_part(self, upload: str, part: PartRow) -> None:
        key = upload, part.info.number
        await self._writing(lambda: self._tables.parts.update({key: part}))

    async def remove_uploads(self, bucket: int, uploads: Sequence[UploadKey]) -> None:
        def write() -> None:
            ids = {upload for _, upload in uploads}
            _forget(self._tables.uploads, [(bucket, *each) for each in uploads])
            _forget(self._tables.parts, [key for key in self._tables.parts if key[0] in ids])

        await self._writing(write)

    async def completed(self, bucket: int, name: bytes, upload: str) -> Row | None:
        self._require_held(bucket, name)
        await self._reading()
        found = self._tables.completed.get(upload)
        return found[3] if found is not None and found[:2] == (bucket, name) else None

    async def add_completed(
        self, bucket: int, name: bytes, upload: str, row: Row, time_ns: int
    ) -> None:
        values = bucket, name, time_ns, row
        await self._writing(lambda: self._tables.completed.update({upload: values}))

    async def add_bucket(self, info: BucketInfo) -> Bucket:
        await self._reading()
        bucket = Bucket(next(self._index.keys), info)
        self._bucket = bucket.key
        self._tables.usage[bucket.key] = 0, 0
        await self.set_bucket(bucket)
        return bucket

    async def has_label(self, label: str) -> bool:
        await self._reading()
        labels = [info.label for info in self._tables.buckets.values()]
        return label in [*labels, *(info.lasting_name for info in self._tables.trash.values())]

    async def set_bucket(self, bucket: Bucket) -> None:
        await self._writing(lambda: self._tables.buckets.update({bucket.key: bucket.info}))

    async def remove_bucket(self, key: int) -> None:
        def write() -> None:
            del self._tables.buckets[key]
            self._forget_bucket(key)

        await self._writing(write)

    async def trash_bucket(self, bucket: Bucket) -> None:
        def write() -> None:
            del self._tables.buckets[bucket.key]
            self._tables.trash[bucket.key] = bucket.info

        await self._writing(write)

    async def forget_trash(self, key: int) -> None:
        def write() -> None:
            del self._tables.trash[key]
            self._forget_bucket(key)

        await self._writing(write)

    def _forget_bucket(self, key: int) -> None:
        del self._tables.usage[key]
        completed = self._tables.completed
        _forget(completed, [upload for upload, found in completed.items() if found[0] == key])

    async def some_versions(self, bucket: int, limit: int) -> list[tuple[bytes, Stored]]:
        await self._reading()
        return [each for _, each in zip(range(limit), self._versions_of(bucket), strict=False)]

    def _versions_of(self, bucket: int) -> Iterator[tuple[bytes, Stored]]:
        for (key, name), versions in self._tables.versions.items():
            if key == bucket:
                for stored in versions:
                    yield name, stored

    async def erase(self, bucket: int, versions: Sequence[tuple[bytes, Stored]]) -> None:
        def write() -> None:
            for each in versions:
                self._remove(bucket, *each)

        await self._writing(write)

    async def some_uploads(self, bucket: int, limit: int | None = None) -> list[UploadKey]:
        await self._reading()
        found = [(name, upload) for key, name, upload in self._tables.uploads if key == bucket]
        return sorted(found)[:limit]

    async def count_bucket_change(self) -> None:
        def write() -> None:
            self._tables.bucket_changes += 1

        await self._writing(write)


K = TypeVar("K")
V = TypeVar("V")


def _forget(table: dict[K, V], keys: Sequence[K]) -> None:
    for key in keys:
        table.pop(key, None)


def _at(there: Sequence[Stored], wanted: Stored) -> int:
    return [each.age for each in there].index(wanted.age)


def bytes_of(payload: Payload) -> bytes | None:
    assert not isinstance(payload, int)
    return payload
