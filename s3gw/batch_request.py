"""One GetBatch request, by whichever API it came: decoded, allowed, answered."""

from __future__ import annotations

from s3gw.access import authorize_reads
from s3gw.batch import Answer, Batch, InvalidBatch, Place, TooBusy, decode_batch
from s3gw.encryption.sealing import unlock_for
from s3gw.errors import Code, S3Error
from s3gw.message import Call
from storage.errors import KeyRequired
from storage.values import Encryption, Unlock

_NO_MEMORY = "Reduce your request rate: there is no memory for another batch now."


async def allowed_batch(call: Call, document: bytes, bucket: str) -> Batch:
    """The batch that the document asks for; `bucket` is that of entries which name none.

    Raises `InvalidRequest` for what is none, and `AccessDenied` and `BucketNotFound` when one of
    its entries may not be read.
    """
    try:
        batch = decode_batch(document, bucket)
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
    place = Place(call.store, services.archives, _unlock(call), call.request_id)
    try:
        return await services.batches.run(place, batch)
    except TooBusy as error:
        headers = {"Retry-After": str(error.retry_after_s)}
        raise S3Error(Code.SlowDown, _NO_MEMORY, headers=headers) from None


def _unlock(call: Call) -> Unlock:
    """A key that is missing or wrong is the failure of one entry."""
    unlock = unlock_for(call)

    async def unlocked(record: Encryption) -> bytes:
        try:
            return await unlock(record)
        except S3Error as error:
            raise KeyRequired(error.message) from None

    return unlocked
