"""Buckets of the model backend by name."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Generic, Protocol, TypeVar

import msgspec

from storage.backend import BucketChange, unchanged
from storage.clock import Clock
from storage.errors import BucketExists, BucketNotEmpty, BucketNotFound
from storage.values import BucketInfo, BucketOptions


class Held(Protocol):
    info: BucketInfo

    @property
    def histories(self) -> Sized: ...


B = TypeVar("B", bound=Held)


class NamedBuckets(Generic[B]):
    """`make` makes an empty bucket."""

    def __init__(self, clock: Clock, make: Callable[[BucketInfo], B]) -> None:
        self._clock = clock
        self._make = make
        self._buckets: dict[str, B] = {}
        self._revision = 1

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        self._require_free(name)
        info = BucketInfo.from_options(name, options, self._clock.now_ns())
        self._revision += 1
        if any(other.info.lasting_name == name for other in self._buckets.values()):
            info = msgspec.structs.replace(info, label=f"{name}#{self._revision}")
        self._buckets[name] = self._make(info)
        return info

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        bucket = self._bucket(name)
        changed = change(bucket.info)
        self._revision += changed != bucket.info
        bucket.info = changed
        return changed

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        bucket = self._bucket(name)
        self._require_free(new_name)
        label = bucket.info.lasting_name
        own = "" if label == new_name else label
        bucket.info = msgspec.structs.replace(change(bucket.info), name=new_name, label=own)
        self._buckets[new_name] = self._buckets.pop(name)
        self._revision += 1
        return bucket.info

    async def head_bucket(self, name: str) -> BucketInfo:
        return self._bucket(name).info

    async def delete_bucket(self, name: str) -> None:
        if self._bucket(name).histories:
            raise BucketNotEmpty(name)
        self._remove(name)

    async def discard_bucket(self, name: str, change: BucketChange = unchanged) -> None:
        change(self._bucket(name).info)
        self._remove(name)

    async def list_buckets(self) -> list[BucketInfo]:
        return [self._buckets[name].info for name in sorted(self._buckets)]

    async def buckets_revision(self) -> int:
        return self._revision

    def _bucket(self, name: str) -> B:
        try:
            return self._buckets[name]
        except KeyError:
            raise BucketNotFound(name) from None

    def _same(self, bucket: B) -> B:
        """The bucket after a while, whatever its name is now. Raises `BucketNotFound`."""
        if self._buckets.get(bucket.info.name) is not bucket:
            raise BucketNotFound(bucket.info.name)
        return bucket

    def _require_free(self, name: str) -> None:
        if name in self._buckets:
            raise BucketExists(name, self._buckets[name].info.owner)

    def _remove(self, name: str) -> None:
        del self._buckets[name]
        self._revision += 1
