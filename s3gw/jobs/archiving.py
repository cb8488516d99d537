"""Archives that jobs create from objects.

The rights were checked when the job was requested. The archive belongs to the owner of the target
bucket, and is encrypted by that bucket's default. Objects under a customer's key cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from msgspec import Struct

from cluster.jobs.job_run import ArchiveOrders, ArchiveTask, JobFailed, Unreadable
from s3gw.objects.archive_writing import ArchiveOrder, Mode, write_archive
from s3gw.objects.attributes import new_attributes
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.context import Context
from s3gw.objects.encryption import no_customer_key, refusing_one
from s3gw.objects.service import ObjectService
from s3gw.wire.errors import S3Error
from storage.archives import Addition, Additions, Entry, format_named
from storage.archives.source import close
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    KeyRequired,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
)
from storage.values import BucketInfo, ObjectInfo, ObjectRead, Reading, ReadOptions, Stream, Unlock

# Small objects are read together, up to so many bytes.
_ROOM_BYTES = 2 << 20
_ATTEMPTS = 4
_NS = 1_000_000_000
# Errors that are not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, DeviceFailed)


class ObjectArchiver(Struct, frozen=True):
    objects: ObjectService

    async def archive(self, task: ArchiveTask) -> None:
        """Create the archive. Raises `JobFailed`, `BucketNotFound`, `StorageError`, and the errors
        of `task`; nothing was written then."""
        job, name = task.job, task.orders.name
        target = await self.objects.store.head_bucket(job.target)
        try:
            async with self.objects.archives.turn(job.target, name):
                await self._write(task, target.name)
        except S3Error as error:
            raise JobFailed(error.message) from None
        except ObjectChanged:
            raise JobFailed(f"{name} was replaced again and again while it was read") from None

    async def _write(self, task: ArchiveTask, bucket: str) -> ObjectInfo:
        """Write the archive, from the beginning if the one to append to has changed meanwhile."""
        for attempt in range(_ATTEMPTS):
            target = await self.objects.store.head_bucket(bucket)
            context = Context(task.job.requested_by)
            unlock = self.objects.encryption.unlock(no_customer_key)
            order = _order(task.orders, target, context, unlock)
            task.begin()
            try:
                return await write_archive(
                    self.objects,
                    context,
                    target,
                    task.orders.name,
                    order,
                    self._additions(task, refusing_one(unlock)),
                )
            except ObjectChanged:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    async def _additions(self, task: ArchiveTask, unlock: Unlock) -> Additions:
        async with aclosing(task.batches()) as batches:
            async for names in batches:
                async with aclosing(self._read(task, names, unlock)) as additions:
                    async for addition in additions:
                        yield addition

    async def _read(self, task: ArchiveTask, names: Sequence[str], unlock: Unlock) -> Additions:
        """Return the objects of one batch, in its order."""
        bucket, options = task.job.bucket, ReadOptions(unlock=unlock)
        at = 0
        while at < len(names):
            reads = [ObjectRead(bucket, name, options) for name in names[at:]]
            found = await self.objects.store.get_objects(reads, _ROOM_BYTES)
            left = list(found)
            try:
                for reading in found:
                    left.pop(0)
                    if isinstance(reading, StorageError):
                        task.skip(names[at], _unreadable(reading))
                    else:
                        yield _addition(task, reading)
                        task.count(reading.info.size)
                    at += 1
            finally:
                for each in left:
                    if isinstance(each, Reading):
                        await close(each)


def _addition(task: ArchiveTask, reading: Reading) -> Addition:
    info = reading.info
    name = _member_name(task.job.bucket, info.name, task.orders)
    entry, body = Entry(name, info.size, info.modified_ns // _NS), reading.body
    task.check()
    return Addition(entry, body if isinstance(body, bytes) else _checked(body, task))


async def _checked(body: Stream, task: ArchiveTask) -> Stream:
    async with aclosing(body) as pieces:
        async for piece in pieces:
            task.check()
            yield piece


def _member_name(bucket: str, name: str, orders: ArchiveOrders) -> str:
    if orders.bare:
        name = name.rstrip("/").rpartition("/")[2] or name
    return f"{bucket}/{name}" if orders.with_bucket else name


def _order(
    orders: ArchiveOrders, target: BucketInfo, context: Context, unlock: Unlock
) -> ArchiveOrder:
    return ArchiveOrder(
        mode=Mode.APPEND_OR_NEW if orders.append else Mode.NEW,
        attributes=new_attributes(target, context.clock.now_ns()),
        unlock=unlock,
        kind=format_named(orders.mime) if orders.mime else None,
        keep=kept_in(target),
    )


def _unreadable(error: StorageError) -> Unreadable:
    """Return the reason to skip an object. Raises errors that are not the object's fault."""
    if isinstance(error, _ENDS_ALL):
        raise error
    if isinstance(error, ObjectNotFound):
        return Unreadable("does not exist", is_missing=True)
    return Unreadable(str(error) if isinstance(error, KeyRequired) else type(error).__name__)
