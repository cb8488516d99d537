"""Mutations of buckets: coroutines over a transaction, for any engine.

Where there are several indexes, these are for the one that decides. All are counted: the number
grows with each change of a bucket.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from storage.backend import BucketChange
from storage.errors import BucketExists, BucketNotEmpty
from storage.index.changes import release, remove_uploads
from storage.index.transaction import Transaction
from storage.index.versions import Bucket
from storage.values import BucketInfo

# Versions that one step removes from a bucket in the trash.
BITE = 500
# And uploads; each has up to ten thousand parts.
_UPLOADS = 5


class CreateBucket(Struct, frozen=True):
    info: BucketInfo

    async def __call__(self, transaction: Transaction) -> Bucket:
        """A bucket whose name is the label of another gets another label."""
        name = self.info.name
        await _require_free(transaction, name)
        bucket = await transaction.add_bucket(self.info)
        if await transaction.has_label(name):
            labelled = msgspec.structs.replace(self.info, label=f"{name}#{bucket.key}")
            bucket = Bucket(bucket.key, labelled)
            await transaction.set_bucket(bucket)
        await transaction.count_bucket_change()
        return bucket


class UpdateBucket(Struct, frozen=True):
    """Other facts of the same bucket."""

    name: str
    change: BucketChange

    async def __call__(self, transaction: Transaction) -> Bucket:
        key, old = await transaction.hold_bucket(self.name)
        bucket = Bucket(key, self.change(old))
        if bucket.info != old:
            await transaction.set_bucket(bucket)
            await transaction.count_bucket_change()
        return bucket


class RenameBucket(Struct, frozen=True):
    """From this commit on it has the new name."""

    name: str
    new_name: str
    change: BucketChange

    async def __call__(self, transaction: Transaction) -> Bucket:
        key, old = await transaction.hold_bucket(self.name)
        await _require_free(transaction, self.new_name)
        bucket = Bucket(key, renamed(self.change(old), self.new_name))
        await transaction.set_bucket(bucket)
        await transaction.count_bucket_change()
        return bucket


def renamed(bucket: BucketInfo, name: str) -> BucketInfo:
    label = bucket.lasting_name
    return msgspec.structs.replace(bucket, name=name, label="" if label == name else label)


async def _require_free(transaction: Transaction, name: str) -> None:
    other = await transaction.hold_bucket_name(name)
    if other is not None:
        raise BucketExists(name, other.owner)


class RemoveBucket(Struct, frozen=True):
    """The bucket, its unfinished uploads and what it remembers of finished ones. The caller has
    seen that it holds no objects."""

    makes_room: ClassVar[bool] = True

    key: int

    async def __call__(self, transaction: Transaction) -> None:
        uploads = await transaction.some_uploads(self.key)
        if uploads:
            parts = await transaction.parts([upload for _, upload in uploads])
            await remove_uploads(transaction, self.key, uploads, parts)
        await transaction.remove_bucket(self.key)
        await transaction.count_bucket_change()


class RemoveEmptyBucket(Struct, frozen=True):
    """Look and remove in one step, where one index has all objects of the bucket."""

    makes_room: ClassVar[bool] = True

    name: str

    async def __call__(self, transaction: Transaction) -> None:
        key, _ = await transaction.hold_bucket(self.name)
        if await transaction.some_versions(key, 1):
            raise BucketNotEmpty(self.name)
        await RemoveBucket(key)(transaction)


class TrashBucket(Struct, frozen=True):
    """From this commit on the bucket is not found. Its label stays reserved while a blob has it."""

    makes_room: ClassVar[bool] = True

    name: str
    change: BucketChange

    async def __call__(self, transaction: Transaction) -> Bucket:
        bucket = await transaction.hold_bucket(self.name)
        self.change(bucket.info)
        await transaction.trash_bucket(bucket)
        await transaction.count_bucket_change()
        return bucket


class EmptyTrash(Struct, frozen=True):
    """Remove some versions or uploads of a bucket in the trash; whether it found any."""

    key: int

    async def __call__(self, transaction: Transaction) -> bool:
        if versions := await transaction.some_versions(self.key, BITE):
            for _, stored in versions:
                await release(transaction, self.key, stored)
            await transaction.erase(self.key, versions)
            return True
        if uploads := await transaction.some_uploads(self.key, _UPLOADS):
            parts = await transaction.parts([upload for _, upload in uploads])
            await remove_uploads(transaction, self.key, uploads, parts)
            return True
        return False


class ForgetTrash(Struct, frozen=True):
    """The bucket has left the trash, and its label is free."""

    key: int

    async def __call__(self, transaction: Transaction) -> None:
        await transaction.forget_trash(self.key)
