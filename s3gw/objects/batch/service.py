"""GetBatch for both front ends: admission, job and answer of a batch."""

from __future__ import annotations

from msgspec import Struct

from s3gw.config.runtime import Settings
from s3gw.objects.batch.engine import Answer, Batches, Note, Place
from s3gw.objects.batch.errors import BatchStopped, TooBusy
from s3gw.objects.batch.jobs import BatchJobs
from s3gw.objects.batch.request import Batch, Item
from s3gw.objects.context import Context
from s3gw.objects.encryption import refusing_one
from s3gw.objects.service import ObjectService
from s3gw.wire.errors import Code, S3Error
from storage.pacing import off_loop
from storage.values import Unlock

# About how many bytes of an entry decide its bucket.
_ITEM_BYTES = 32
_STOPPED = "Somebody stopped the job that the batch belongs to."


class BatchService(Struct, frozen=True):
    objects: ObjectService
    batches: Batches
    jobs: BatchJobs
    settings: Settings

    async def answer(self, context: Context, batch: Batch, unlock: Unlock) -> Answer:
        """Answer a batch whose entries the caller may read. A missing or wrong key fails only its
        own entry.

        Raise `TooManyRequests`, `OperationAborted`, and `BatchFailed` with the entry that failed.
        """
        await self.settings.refresh()
        note = await self._note_of(batch)
        # The job is about the bucket of the first entry.
        job = await self.jobs.join(context.requested_by, batch.items[0].bucket)
        objects, requested_by = self.objects, context.requested_by
        place = Place(
            objects.store,
            objects.archives,
            refusing_one(unlock),
            requested_by.request_id,
            f"{requested_by.identity} {requested_by.client}",
            job,
            note,
        )
        try:
            return await self.batches.run(place, batch)
        except BatchStopped:
            raise S3Error(Code.OperationAborted, _STOPPED) from None
        except TooBusy as error:
            headers = {"Retry-After": str(error.retry_after_s)}
            raise S3Error(Code.TooManyRequests, headers=headers) from None

    async def _note_of(self, batch: Batch) -> Note:
        """Return what moves the access time of an entry's object, as reading it alone does."""
        names = await off_loop(_ITEM_BYTES * len(batch.items), _buckets_of, batch)
        store, times = self.objects.store, self.objects.access_times
        labels = {name: (await store.head_bucket(name)).lasting_name for name in names}

        def note(item: Item) -> None:
            times.note(labels[item.bucket], item.name)

        return note


def _buckets_of(batch: Batch) -> set[str]:
    return {item.bucket for item in batch.items}
