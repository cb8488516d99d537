"""Archives that jobs make: of objects as they are read, written as S3's PutObject writes.

The rights were asked for when the job was. The archive is the target bucket's owner's and encrypted
as the target says. What is under a customer's key cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from cluster.jobs.records import ArchiveOrders
from cluster.jobs.work import Archiving, JobFailed, Unreadable
from s3gw.events.events import EventName, created
from s3gw.http.request import Call
from s3gw.http.services import Services
from s3gw.jobs.calling import job_call, tell
from s3gw.objects.archives.writing import ArchiveOrder, Mode, write_archive
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import Algorithm
from s3gw.objects.sealing import unlock_for
from s3gw.wire.errors import S3Error
from storage.archives import Addition, Additions, Entry, format_named
from storage.archives.source import close
from storage.backend import Backend
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    KeyRequired,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
)
from storage.values import Encryption, ObjectInfo, ObjectRead, Reading, ReadOptions, Stream, Unlock

# Small objects are read together, up to so many bytes.
_ROOM_BYTES = 2 << 20
_ATTEMPTS = 4
_NS = 1_000_000_000
# What is not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, DeviceFailed)


@dataclass(frozen=True, slots=True)
class ObjectArchiver:
    """`services` are those of the process that runs jobs: keys, archives and a notifier."""

    store: Backend
    services: Services

    async def archive(self, archiving: Archiving) -> None:
        """Raises `JobFailed`, `BucketNotFound`, `StorageError`, and what `archiving` does; nothing
        is there then that was not before."""
        job, name = archiving.job, archiving.orders.name
        target = await self.store.head_bucket(job.target)
        try:
            async with self.services.archives.turn(job.target, name):
                made = await self._write(archiving, target.name)
        except S3Error as error:
            raise JobFailed(error.message) from None
        except ObjectChanged:
            raise JobFailed(f"{name} was replaced again and again while it was read") from None
        await tell(self.services, target, job, [created(EventName.CREATED_PUT, made)])

    async def _write(self, archiving: Archiving, bucket: str) -> ObjectInfo:
        """From the beginning whenever somebody else wrote the archive that is appended to."""
        for attempt in range(_ATTEMPTS):
            target = await self.store.head_bucket(bucket)
            job, orders = archiving.job, archiving.orders
            call = job_call(self.store, self.services, target, orders.name, job, "PutObject")
            archiving.begin()
            try:
                order = _order(orders, kept_in(target))
                return await write_archive(call, order, self._additions(call, archiving))
            except ObjectChanged:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    async def _additions(self, call: Call, archiving: Archiving) -> Additions:
        unlock = _unlock(call)
        async with aclosing(archiving.batches()) as batches:
            async for names in batches:
                async with aclosing(self._read(archiving, names, unlock)) as additions:
                    async for addition in additions:
                        yield addition

    async def _read(self, archiving: Archiving, names: Sequence[str], unlock: Unlock) -> Additions:
        """The objects of one batch, in its order."""
        bucket, options = archiving.job.bucket, ReadOptions(unlock=unlock)
        at = 0
        while at < len(names):
            reads = [ObjectRead(bucket, name, options) for name in names[at:]]
            found = await self.store.get_objects(reads, _ROOM_BYTES)
            left = list(found)
            try:
                for reading in found:
                    left.pop(0)
                    if isinstance(reading, StorageError):
                        archiving.skip(names[at], _unreadable(reading))
                    else:
                        yield _addition(archiving, reading)
                        archiving.count(reading.info.size)
                    at += 1
            finally:
                for each in left:
                    if isinstance(each, Reading):
                        await close(each)


def _addition(archiving: Archiving, reading: Reading) -> Addition:
    info = reading.info
    name = _member_name(archiving.job.bucket, info.name, archiving.orders)
    entry, body = Entry(name, info.size, info.modified_ns // _NS), reading.body
    archiving.check()
    return Addition(entry, body if isinstance(body, bytes) else _checked(body, archiving))


async def _checked(body: Stream, archiving: Archiving) -> Stream:
    async with aclosing(body) as pieces:
        async for piece in pieces:
            archiving.check()
            yield piece


def _member_name(bucket: str, name: str, orders: ArchiveOrders) -> str:
    if orders.bare:
        name = name.rstrip("/").rpartition("/")[2] or name
    return f"{bucket}/{name}" if orders.with_bucket else name


def _order(orders: ArchiveOrders, keep: Algorithm) -> ArchiveOrder:
    mode = Mode.APPEND_OR_NEW if orders.append else Mode.NEW
    return ArchiveOrder(mode, format_named(orders.mime) if orders.mime else None, keep=keep)


def _unreadable(error: StorageError) -> Unreadable:
    """Raises what is no object's fault."""
    if isinstance(error, _ENDS_ALL):
        raise error
    if isinstance(error, ObjectNotFound):
        return Unreadable("does not exist", is_missing=True)
    return Unreadable(str(error) if isinstance(error, KeyRequired) else type(error).__name__)


def _unlock(call: Call) -> Unlock:
    """A key that is missing is the failure of one object."""
    unlock = unlock_for(call)

    async def unlocked(record: Encryption) -> bytes:
        try:
            return await unlock(record)
        except S3Error as error:
            raise KeyRequired(error.message) from None

    return unlocked
