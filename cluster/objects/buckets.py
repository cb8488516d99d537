"""Buckets of a cluster: each change is one transaction."""

from __future__ import annotations

from typing import Any

from cluster.database.patience import PatientReader
from cluster.index.committing import Committer
from cluster.index.lookups import Lookups
from storage.backend import BucketChange, unchanged
from storage.clock import Clock
from storage.index.bucket_mutations import (
    CreateBucket,
    RemoveEmptyBucket,
    RenameBucket,
    TrashBucket,
    UpdateBucket,
)
from storage.index.rows import decode_bucket
from storage.values import BucketInfo, BucketOptions

_LIST = "SELECT row FROM s3gw.buckets ORDER BY name"
_REVISION = "SELECT 1 + coalesce((SELECT value FROM s3gw.counters WHERE name = 'buckets'), 0)"


class Buckets:
    def __init__(
        self, reader: PatientReader, lookups: Lookups, committer: Committer, clock: Clock
    ) -> None:
        self._reader = reader
        self._lookups = lookups
        self._committer = committer
        self._clock = clock

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        await self._lookups.learn_time()
        info = BucketInfo.from_options(name, options, self._clock.now_ns())
        return (await self._committer.run(CreateBucket(info))).info

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        return (await self._committer.run(UpdateBucket(name, change))).info

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        return (await self._committer.run(RenameBucket(name, new_name, change))).info

    async def head_bucket(self, name: str) -> BucketInfo:
        return (await self._lookups.bucket(name)).info

    async def list_buckets(self) -> list[BucketInfo]:
        rows: Any = await self._reader.rows(_LIST)
        return [decode_bucket(row) for (row,) in rows]

    async def buckets_revision(self) -> int:
        rows: Any = await self._reader.rows(_REVISION)
        revision: int = rows[0][0]
        return revision

    async def delete_bucket(self, name: str) -> None:
        await self._committer.run(RemoveEmptyBucket(name))

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        await self._committer.run(TrashBucket(name, change))
