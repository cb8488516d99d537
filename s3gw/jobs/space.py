"""Room on the disks: what an eviction may remove, and when it begins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from cluster.jobs.job import Job
from cluster.jobs.job_run import Delete
from cluster.jobs.lru import Lru
from cluster.jobs.registry import Registry, TooManyJobs
from s3gw.config.bucket_properties import properties_of
from s3gw.config.runtime import Settings
from s3gw.config.schema import Space
from storage.backend import Backend
from storage.clock import Clock, SystemClock
from storage.errors import StorageError
from storage.own_store import OwnStore
from storage.tier import RemoteBucket
from storage.tier.counts import NOT_COUNTED, EvictionCause, TierCounts
from storage.values import BucketInfo, DeleteRequest, Deletion
from storage.writing.writers import Watermarks

_LOOK_S = 10.0
# After an eviction that found nothing.
_WAIT_S = 600.0


def watermarks(space: Space) -> Watermarks:
    return Watermarks(space.highwm / 100, space.out_of_space / 100)


class StoreSpace:
    """The room of the local store; `delete` is for objects that are nowhere else."""

    def __init__(
        self,
        local: OwnStore,
        settings: Settings,
        delete: Delete,
        clock: Clock | None = None,
        counts: TierCounts = NOT_COUNTED,
    ) -> None:
        self._local = local
        self._settings = settings
        self._delete = delete
        self._clock = clock or SystemClock()
        self._counts = counts

    @property
    def local(self) -> Backend:
        return self._local

    def now_ns(self) -> int:
        return self._clock.now_ns()

    async def surplus_bytes(self) -> int:
        await self._settings.refresh()
        space = self._settings.in_force.space
        return self._local.surplus_bytes(space.lowwm / 100, space.highwm / 100)

    def kept_s(self, bucket: BucketInfo) -> float | None:
        lru = properties_of(bucket).kept.lru
        return lru.dont_evict_time if lru.enabled else None

    async def read_times_ns(self, bucket: BucketInfo, names: Sequence[str]) -> Sequence[int]:
        times = self._local.access_times
        return await asyncio.to_thread(times.of, bucket.lasting_name, names)

    async def remove(
        self, job: Job, bucket: BucketInfo, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        if RemoteBucket.setting_name in bucket.settings:
            return await self._local.delete_objects(bucket.name, requests)
        return await self._delete(replace(job, bucket=bucket.name), requests)

    def count(self, objects: int, size: int) -> None:
        self._counts.evicted(EvictionCause.LRU, objects, size)


class SpaceWatch(Struct):
    """Begins an eviction when a disk is too full and there are buckets to evict from."""

    space: StoreSpace
    registry: Registry
    _last: str = field(default="")

    async def run_once(self) -> float:
        """Return in how many seconds to look again."""
        last = await self.registry.find(self._last) if self._last else None
        if last is not None and not last.is_over:
            return _LOOK_S
        self._last = ""
        if last is not None and not last.state.objects:
            return _WAIT_S
        if await self.space.surplus_bytes() and await self._has_candidates():
            try:
                self._last = (await self.registry.add(Lru())).xid
            except TooManyJobs:
                return _WAIT_S
        return _LOOK_S

    async def _has_candidates(self) -> bool:
        buckets = await self.space.local.list_buckets()
        return any(self.space.kept_s(bucket) is not None for bucket in buckets)
