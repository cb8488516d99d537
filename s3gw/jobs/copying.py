"""What jobs do to objects that S3 has a word in: copies as CopyObject makes them, and events.

The rights were asked for when the job was. A copy is the target bucket's owner's, has the content
headers, metadata and tags of its source, is encrypted as the target says, and locked as new
objects there are. What is under a customer's key cannot be read, so it is not copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from cluster.jobs.records import Job
from cluster.jobs.work import Copying, NotCopied
from s3gw.events.events import EventName, created, removed
from s3gw.http.request import MAX_KEY, Call
from s3gw.http.services import Services
from s3gw.jobs.calling import job_call, tell
from s3gw.objects.copying import copied_attributes, write_copy
from s3gw.objects.payload import body_of
from s3gw.objects.sealing import sealing_for, unlock_for
from s3gw.s3.headers import read_attributes
from s3gw.wire.errors import S3Error
from storage.backend import Backend
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
)
from storage.values import (
    DeleteRequest,
    Deletion,
    ObjectInfo,
    Reading,
    ReadOptions,
)

# What is not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


@dataclass(frozen=True, slots=True)
class ObjectCopier:
    """`services` are those of the process that runs jobs: keys and a notifier."""

    store: Backend
    services: Services

    async def copy(self, copying: Copying) -> int:
        """The bytes that were copied. Raises `NotCopied`, `BucketNotFound` and what `check` does;
        and `OutOfSpace`, because nothing more can be copied then."""
        job = copying.job
        if not 0 < len(copying.new_name.encode()) <= MAX_KEY:
            raise NotCopied(f"the copy's name would be longer than {MAX_KEY} bytes")
        target = await self.store.head_bucket(job.target)
        call = job_call(self.store, self.services, target, copying.new_name, job, "CopyObject")
        try:
            made = await self._copy(call, copying)
        except S3Error as error:
            raise NotCopied(error.message) from None
        except ObjectNotFound:
            raise NotCopied("does not exist", is_missing=True) from None
        except _ENDS_ALL:
            raise
        except StorageError as error:
            raise NotCopied(type(error).__name__) from None
        await tell(self.services, target, job, [created(EventName.CREATED_COPY, made)])
        return made.size

    async def deleted(self, job: Job, done: Sequence[tuple[DeleteRequest, Deletion]]) -> None:
        with contextlib.suppress(BucketNotFound):
            info = await self.store.head_bucket(job.bucket)
            await tell(self.services, info, job, [removed(*each) for each in done])

    async def _copy(self, call: Call, copying: Copying) -> ObjectInfo:
        options = ReadOptions(unlock=unlock_for(call))
        reading = await self.store.get_object(copying.job.bucket, copying.name, options)
        try:
            sealing = await sealing_for(call)
            attributes = copied_attributes(read_attributes(call), reading.info.attributes)
            body = _checked(reading, copying.check)
            return await write_copy(call, reading, sealing, attributes, body=body)
        finally:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()


async def _checked(reading: Reading, check: Callable[[], None]) -> AsyncIterator[bytes]:
    async for chunk in body_of(reading):
        check()
        yield chunk
