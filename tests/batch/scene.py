"""A store with objects and archives of all kinds, and what a batch of them must come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from s3gw.objects.batch import Batch, Batches, BatchOptions, Item, Outcome, Place
from s3gw.objects.batch.engine import Tally
from storage.archives import ArchiveFormat, Archives
from storage.backend import Backend
from storage.backends.local import StoreOptions
from storage.backends.memory import MemoryBackend
from storage.clock import SystemClock
from storage.errors import KeyRequired
from storage.load import LoadMeter
from storage.ranges import Between, From
from storage.values import BucketOptions, Encryption
from tests.archives.made import made
from tests.storage.bodies import body_of, pattern
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, put_options

MISSING = "__404__/"
BUCKETS = ("one", "two")
OBJECTS = {
    "empty": b"",
    "small": b"0123456789",
    "inline": pattern(20_000),
    "block": pattern(300_000),
    "large": pattern(1_200_000),
    "ü b/c": b"name",
}
MEMBERS = {
    "a/small": b"abc",
    "a/empty": b"",
    "b/middle": pattern(40_000),
    "b/large": pattern(700_000),
}
SHARDS = tuple(f"shard{kind.value}" for kind in ArchiveFormat)


async def fill(store: Backend) -> None:
    for bucket in BUCKETS:
        await store.create_bucket(bucket, BucketOptions(OWNER))
        for name, content in OBJECTS.items():
            await store.put_object(bucket, name, body_of(content), put_options())
        for kind in ArchiveFormat:
            archive = made(kind, list(MEMBERS.items()))
            await store.put_object(bucket, f"shard{kind.value}", body_of(archive), put_options())


async def no_key(_: Encryption) -> bytes:
    raise KeyRequired


@dataclass
class Scene:
    store: Backend
    archives: Archives = field(default_factory=Archives)
    notes: list[tuple[Outcome, Tally]] = field(default_factory=list)

    def batches(
        self, options: BatchOptions | None = None, meter: LoadMeter | None = None
    ) -> Batches:
        return Batches(options, lambda outcome, tally: self.notes.append((outcome, tally)), meter)

    def place(self) -> Place:
        return Place(self.store, self.archives, no_key, "batch-1")

    def answer(self, batch: Batch, options: BatchOptions | None = None) -> tuple[str, bytes]:
        async def answering() -> tuple[str, bytes]:
            answer = await self.batches(options).run(self.place(), batch)
            return answer.content_type, b"".join([piece async for piece in answer.body])

        return run(answering())


@contextmanager
def scene(kind: str, folder: Path) -> Iterator[Scene]:
    if kind == "memory":
        memory = MemoryBackend()
        run(fill(memory))
        yield Scene(memory)
        return
    paths = mountpaths_in(folder, 2)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        run(fill(store))
        yield Scene(store)


def expected(batch: Batch) -> list[tuple[str, bytes]]:
    """The model: the archive's members, in order."""
    return [_expected(item, only_names=batch.only_names) for item in batch.items]


def _expected(item: Item, *, only_names: bool) -> tuple[str, bytes]:
    name = item.name if only_names else f"{item.bucket}/{item.name}"
    name += f"/{item.archpath}" if item.archpath else ""
    content = content_of(item)
    return (MISSING + name, b"") if content is None else (name, content)


def content_of(item: Item) -> bytes | None:
    whole: bytes | None
    if item.archpath:
        whole = MEMBERS.get(item.archpath) if item.name in SHARDS else None
    else:
        whole = OBJECTS.get(item.name)
    match item.part:
        case Between(start, stop) if whole is not None:
            return whole[start:stop] if stop <= len(whole) else None
        case From(start) if whole is not None:
            return whole[start:] if start < len(whole) else None
    return whole


def failures(items: Sequence[Item]) -> int:
    return sum(content_of(item) is None for item in items)
