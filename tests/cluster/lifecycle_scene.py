"""A store with a clock, and a lifecycle worker on it that can be started anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.lifecycle.progress import ProgressFile
from cluster.lifecycle.rules import Calendar, LifecycleConfiguration, Rule
from cluster.lifecycle.walk import Tally
from cluster.lifecycle.worker import Worker
from storage.backends.memory import MemoryBackend
from storage.errors import StorageError
from storage.settings import with_setting
from storage.values import (
    Attributes,
    BucketOptions,
    DeleteRequest,
    Deletion,
    ObjectLock,
    PutOptions,
    Versioning,
    VersionQuery,
)
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.fake_clock import FakeClock

DAY_S = 10
SHORT = Calendar(day_s=DAY_S)


class Store(MemoryBackend):
    """Lets the test do something right before the worker deletes."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.meanwhile: Callable[[], Any] | None = None
        self.deletions: list[int] = []

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        self.deletions.append(len(requests))
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().delete_objects(bucket, requests)


@dataclass
class Pauses:
    """Stops at the pause of that number."""

    stop_at: int = 10**9
    count: int = 0

    async def __call__(self, seconds: float) -> bool:
        self.count += 1
        return self.count >= self.stop_at


@dataclass
class Scene:
    """A store, and a worker on it that can be started anew."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    calendar: Calendar = SHORT
    tallies: list[Tally] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.clock)
        self.progress = ProgressFile(self.folder / "lifecycle.json")

    def worker(self, pauses: Pauses | None = None) -> Worker:
        return Worker(
            self.store,
            self.progress,
            pauses or Pauses(),
            self.calendar,
            self.clock,
            self.tallies.append,
            timer=lambda: 0.0,
        )

    async def one_pass(self, pauses: Pauses | None = None) -> Tally:
        """A worker that was just started, up to its pause between passes."""
        self.clock.advance_s(1)
        self.progress = ProgressFile(self.folder / "lifecycle.json")
        worker = self.worker(pauses)
        while not await worker.run_once() and self.progress.load().at is not None:
            if pauses is not None:
                return self.progress.load().tally
        return self.tallies[-1]

    async def bucket(
        self, *rules: Rule, name: str = "bucket", versioning: Versioning = Versioning.NEVER
    ) -> None:
        await self.store.create_bucket(name, BucketOptions("owner", versioning=versioning))
        await self.rules(*rules, name=name)

    async def rules(self, *rules: Rule, name: str = "bucket") -> None:
        config = LifecycleConfiguration(rules)
        await self.store.update_bucket(name, lambda info: with_setting(info, config))

    async def put(
        self, *names: str, bucket: str = "bucket", lock: ObjectLock | None = None
    ) -> None:
        for name in names:
            options = PutOptions(Md5Digest(), Attributes(lock=lock))
            await self.store.put_object(bucket, name, body_of(b"x"), options)

    async def delete(self, name: str) -> None:
        await self.store.delete_object("bucket", DeleteRequest(name))

    async def versions(self, bucket: str = "bucket") -> list[str]:
        """`name`, or `name-` for a delete marker, newest first."""
        page = await self.store.list_versions(bucket, VersionQuery(limit=10_000))
        return [e.info.name + "-" * e.info.delete_marker for e in page.versions]

    def days(self, count: float) -> None:
        self.clock.advance_ns(int(count * DAY_S * 1_000_000_000))
