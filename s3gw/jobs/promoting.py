"""Promotion of files to objects, by jobs.

The rights were checked when the job was requested; the folders that it may read are checked again.
An object belongs to the bucket's owner, and is encrypted and locked by the bucket's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cluster.jobs.job_run import FileOrders, FileTask, NotPromotable
from s3gw.http.request import MAX_KEY
from s3gw.objects.attributes import new_attributes
from s3gw.objects.context import Context
from s3gw.objects.promotion.files import (
    NotPromoted,
    Promotable,
    Source,
    files_in,
    find_source,
    is_folder,
)
from s3gw.objects.promotion.writing import Promotion, promote
from s3gw.objects.service import ObjectService
from s3gw.wire.errors import S3Error
from storage.errors import BucketNotFound, DeviceFailed, OutOfSpace, StorageError

# Errors that are not the file's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)


class FilePromoter(Struct, frozen=True):
    objects: ObjectService
    promotable: Promotable

    def found(self, orders: FileOrders) -> Iterable[str]:
        try:
            source = self._source(orders)
            if is_folder(source):
                yield from files_in(source, recursive=orders.recursive)
            else:
                yield ""
        except NotPromoted as error:
            raise NotPromotable(str(error)) from None

    async def promote(self, task: FileTask) -> int | None:
        key, orders = task.key, task.orders
        if not 0 < len(key.encode(errors="surrogateescape")) <= MAX_KEY or not _is_text(key):
            raise NotPromotable("its path cannot be an object's name")
        bucket = await self.objects.store.head_bucket(task.job.bucket)
        context = Context(task.job.requested_by)
        try:
            promotion = Promotion(
                self._source(orders).below(task.path),
                attributes=new_attributes(bucket, context.clock.now_ns()),
                replaces=orders.overwrite,
                moves=orders.delete_source,
                check=task.check,
            )
            return await promote(self.objects, context, bucket, key, promotion)
        except (NotPromoted, S3Error) as error:
            raise NotPromotable(str(error)) from None
        except _ENDS_ALL:
            raise
        except StorageError as error:
            raise NotPromotable(type(error).__name__) from None

    def _source(self, orders: FileOrders) -> Source:
        return find_source(self.promotable, orders.source)


def _is_text(name: str) -> bool:
    """Whether a file's name, which can be any bytes, is text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
