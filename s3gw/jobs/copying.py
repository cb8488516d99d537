"""Copies and deletions by jobs, with the results of CopyObject and DeleteObjects.

The rights were checked when the job was requested. A copy belongs to the owner of the target
bucket, has the content headers, metadata and tags of its source, and is encrypted and locked by the
target bucket's defaults. Objects under a customer's key cannot be read, so they are not copied.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct

from cluster.jobs.job import Job
from cluster.jobs.job_run import CopyTask, NotCopied
from s3gw.etl.errors import EtlError
from s3gw.etl.transforming import Transforming
from s3gw.http.request import MAX_KEY
from s3gw.jobs.transforming import transform
from s3gw.objects.attributes import copied_attributes, new_attributes
from s3gw.objects.context import Context
from s3gw.objects.encryption import BUCKET_DEFAULT, no_customer_key
from s3gw.objects.service import CopyOptions, ObjectService, body_of
from s3gw.wire.errors import S3Error
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
)
from storage.values import (
    BucketInfo,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    Reading,
    ReadOptions,
)

# Errors that are not the object's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


class ObjectCopier(Struct, frozen=True):
    """`etl` is None where transformers are turned off."""

    objects: ObjectService
    etl: Transforming | None = None

    async def copy(self, task: CopyTask) -> int:
        """Copy an object; return its bytes. Raises `NotCopied`, `BucketNotFound` and the errors of
        `check`; and `OutOfSpace`, because nothing more can be copied then."""
        job = task.job
        if not 0 < len(task.new_name.encode()) <= MAX_KEY:
            raise NotCopied(f"the copy's name would be longer than {MAX_KEY} bytes")
        try:
            if task.etls:
                return await transform(self.objects, self.etl, task)
            target = await self.objects.store.head_bucket(job.target)
            made = await self._copy(target, task)
        except EtlError as error:
            raise NotCopied(error.message, status=error.status) from None
        except S3Error as error:
            raise NotCopied(error.message) from None
        except ObjectNotFound:
            raise NotCopied("it does not exist", is_missing=True) from None
        except _ENDS_ALL:
            raise
        except StorageError as error:
            raise NotCopied(type(error).__name__) from None
        return made.size

    async def delete(
        self, job: Job, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        """Delete objects of the job's bucket. Raises `BucketNotFound`."""
        bucket = await self.objects.store.head_bucket(job.bucket)
        return await self.objects.delete_many(Context(job.requested_by), bucket, requests)

    async def _copy(self, target: BucketInfo, task: CopyTask) -> ObjectInfo:
        objects, context = self.objects, Context(task.job.requested_by)
        unlock = objects.encryption.unlock(no_customer_key)
        options = ReadOptions(unlock=unlock, latest=task.latest, keeps=not task.latest)
        reading = await objects.store.get_object(task.job.bucket, task.name, options)
        try:
            sealing = await objects.encryption.seal(target, BUCKET_DEFAULT)
            given = new_attributes(target, context.clock.now_ns())
            how = CopyOptions(
                attributes=copied_attributes(given, reading.info.attributes),
                sealing=sealing,
                body=_checked(reading, task.check),
            )
            return await objects.copy(context, target, task.new_name, reading, how)
        finally:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()


async def _checked(reading: Reading, check: Callable[[], None]) -> AsyncIterator[bytes]:
    async for chunk in body_of(reading):
        check()
        yield chunk
