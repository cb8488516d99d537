"""One GetBatch request, by whichever API it came: decoded, allowed, answered."""

from __future__ import annotations

from cluster.jobs.records import Cause
from s3gw.access import authorize_reads
from s3gw.http.request import Call
from s3gw.objects.batch import (
    Answer,
    Batch,
    BatchStopped,
    Check,
    InvalidBatch,
    Place,
    TooBusy,
    decode_batch,
    nothing_stops,
)
from s3gw.objects.batch.request import Spaces, no_spaces
from s3gw.objects.sealing import unlock_for
from s3gw.wire.errors import Code, S3Error
from storage.errors import KeyRequired
from storage.values import Encryption, Unlock

_STOPPED = "Somebody stopped the job that the batch belongs to."
_NO_MEMORY = "Reduce your request rate: there is no memory for another batch now."


async def allowed_batch(
    call: Call, document: bytes, bucket: str, spaces: Spaces = no_spaces
) -> Batch:
    """The batch that the document asks for; `bucket` is that of entries which name none.

    Raises `InvalidRequest` for what is none, and `AccessDenied` and `BucketNotFound` when one of
    its entries may not be read.
    """
    try:
        batch = decode_batch(document, bucket, spaces)
    except InvalidBatch as error:
        # Who may read nothing is not told what to write.
        if bucket:
            await authorize_reads(call, [(bucket, "*")])
        raise S3Error(Code.InvalidRequest, str(error)) from None
    await authorize_reads(call, ((item.bucket, item.name) for item in batch.items))
    return batch


async def answer_batch(call: Call, batch: Batch) -> Answer:
    """Raises `SlowDown`, and `BatchFailed` with the entry that it failed by."""
    services = call.services
    await services.settings.refresh()
    check = await _joined(call, batch)
    place = Place(call.store, services.archives, _unlock(call), call.request_id, check)
    try:
        return await services.batches.run(place, batch)
    except BatchStopped:
        raise S3Error(Code.OperationAborted, _STOPPED) from None
    except TooBusy as error:
        headers = {"Retry-After": str(error.retry_after_s)}
        raise S3Error(Code.SlowDown, _NO_MEMORY, headers=headers) from None


async def _joined(call: Call, batch: Batch) -> Check:
    """A job about the bucket that the first entry is in."""
    jobs = call.services.batch_jobs
    if jobs is None:
        return nothing_stops
    cause = Cause(call.caller.identity, call.client, call.request_id)
    return await jobs.join(cause, batch.items[0].bucket)


def _unlock(call: Call) -> Unlock:
    """A key that is missing or wrong is the failure of one entry."""
    unlock = unlock_for(call)

    async def unlocked(record: Encryption) -> bytes:
        try:
            return await unlock(record)
        except S3Error as error:
            raise KeyRequired(error.message) from None

    return unlocked
