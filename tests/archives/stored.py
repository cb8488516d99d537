"""Archives in stores, for tests that are no coroutines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from storage.archives import (
    ArchiveFormat,
    Archives,
    Member,
    MemberAsked,
    Mode,
    Selection,
)
from storage.backend import Backend
from storage.backends.local import StoreOptions
from storage.backends.memory import MemoryBackend
from storage.clock import SystemClock
from storage.ranges import Between, From, Last
from storage.values import BucketOptions, Reading, Stream
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

Part = Between | From | Last
BUCKET = "shards"


async def content(body: bytes | Stream) -> bytes:
    return body if isinstance(body, bytes) else b"".join([piece async for piece in body])


@dataclass
class Stored:
    """One bucket, and the archives in it."""

    bucket: SyncBucket
    archives: Archives = field(default_factory=Archives)

    @property
    def store(self) -> Backend:
        return self.bucket.backend

    def put(self, name: str, archive: bytes) -> None:
        self.bucket.put(name, archive)

    def read(
        self, name: str, path: str, part: Part | None = None, kind: ArchiveFormat | None = None
    ) -> bytes:
        async def reading() -> bytes:
            asked = MemberAsked(path, part, kind=kind)
            _, got = await self.archives.open_member(self.store, BUCKET, name, asked)
            return await content(got.body)

        return run(reading())

    def members(self, name: str, kind: ArchiveFormat | None = None) -> list[Member]:
        async def listing() -> list[Member]:
            shard = await self.archives.open(self.store, BUCKET, name, kind=kind)
            return [member async for member in shard.members()]

        return run(listing())

    def select(self, name: str, mode: Mode, wanted: str) -> dict[str, bytes]:
        async def selecting() -> dict[str, bytes]:
            shard = await self.archives.open(self.store, BUCKET, name)
            chosen = shard.select(Selection(mode, wanted))
            return {got.member.name: await content(got.body) async for got in chosen}

        return run(selecting())


class Counting(MemoryBackend):
    """Counts the bytes that are read of objects."""

    read_bytes = 0

    async def get_object(self, *args: object, **more: object) -> Reading:
        reading = await super().get_object(*args, **more)  # type: ignore[arg-type]
        self.read_bytes += len(reading.span)
        return reading


def in_memory(store: MemoryBackend | None = None) -> Stored:
    backend = store or MemoryBackend()
    run(backend.create_bucket(BUCKET, BucketOptions(OWNER)))
    return Stored(SyncBucket(backend, BUCKET))


@contextmanager
def on_disk(folder: Path) -> Iterator[Stored]:
    paths = mountpaths_in(folder, 1)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        yield Stored(SyncBucket(store, BUCKET))
