"""A local store in front of a cloud that fails on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.backends.local import LocalStore, StoreOptions
from storage.errors import ObjectNotFound
from storage.tier import Policy, Tier, TieredStore
from storage.values import BucketInfo, BucketOptions, ReadOptions
from tests.storage.bodies import body_of, content_of
from tests.storage.cloud import Cloud
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, put_options

BUCKET = "aws/train"


class Scene:
    """A store in front of a cloud with the bucket `train`."""

    def __init__(self, local: LocalStore, clock: FakeClock, lock_file: Path) -> None:
        self.local = local
        self.cloud = Cloud(clock)
        self.validates = False
        self.synchronizes = False
        self.whole_only = False
        self.verifies = False
        self.lock_file = lock_file
        self.tier = Tier(local, {"aws": self.cloud}, self._policy, lock_file=lock_file)
        self.store = TieredStore(self.tier)
        self.clock = clock

    def _policy(self, _: BucketInfo) -> Policy:
        return Policy(
            validates=self.validates,
            synchronizes=self.synchronizes,
            whole_only=self.whole_only,
            verifies=self.verifies,
        )

    async def begin(self) -> BucketInfo:
        await self.cloud.create_bucket("train", BucketOptions(OWNER))
        return await self.tier.learn("aws", "train", OWNER, {})

    async def upload(self, name: str, content: bytes) -> None:
        """Somebody else writes to the cloud."""
        self.clock.advance_s(1)
        await self.cloud.put_object("train", name, body_of(content), put_options())

    async def read(self, name: str, options: ReadOptions | None = None) -> bytes:
        reading = await self.store.get_object(BUCKET, name, options or ReadOptions())
        return await content_of(reading)

    async def is_here(self, name: str) -> bool:
        try:
            await self.local.head_object(BUCKET, name)
        except ObjectNotFound:
            return False
        return True

    async def settled(self, name: str) -> None:
        """Wait for the object's download."""
        async with self.tier.locks.hold(BUCKET, name):
            pass


@contextmanager
def tier_scene(folder: Path, clock: FakeClock) -> Iterator[Scene]:
    (folder / "data").mkdir()
    with local_store([folder / "data"], clock, StoreOptions()) as local:
        scene = Scene(local, clock, folder / "tier.lock")
        run(scene.begin())
        yield scene
        run(scene.tier.aclose())
