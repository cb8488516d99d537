"""GetBatch: an operation of our own beside AWS'. Many objects, ranges and members of archives come
in one answer, an archive in the order of the request.

    POST /bucket?get-batch      {"in": [{"objname": "a"}, {"objname": "shard.tar",
                                 "archpath": "b.jpg"}], "mime": ".tar", "strm": true, "coer": true}

The request is the one of AIStore's API; `docs/getbatch.md` tells of it.
"""

from __future__ import annotations

from s3gw.access import Access, authorize_reads
from s3gw.batch import BatchFailed, InvalidBatch, Place, TooBusy, TooManyFailures, decode_batch
from s3gw.checksums import verify_document
from s3gw.encryption.sealing import unlock_for
from s3gw.errors import Code, S3Error, as_s3_error
from s3gw.message import Call, Level
from s3gw.operation import operation, path
from s3gw.reply import Reply
from storage.errors import KeyRequired
from storage.values import Encryption, Unlock

_NO_MEMORY = "Reduce your request rate: there is no memory for another batch now."


@operation("POST", Level.BUCKET, marker="get-batch", access=Access.GET)
class GetBatch:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        document = await call.read_document(call.services.limits.json_bytes)
        verify_document(call, document)
        try:
            batch = decode_batch(document, self.bucket)
        except InvalidBatch as error:
            # Who may read nothing is not told what to write.
            await authorize_reads(call, [(self.bucket, "*")])
            raise S3Error(Code.InvalidRequest, str(error)) from None
        await authorize_reads(call, ((item.bucket, item.name) for item in batch.items))
        services = call.services
        place = Place(call.store, services.archives, _unlock(call), call.request_id)
        try:
            answer = await services.batches.run(place, batch)
        except TooBusy as error:
            headers = {"Retry-After": str(error.retry_after_s)}
            raise S3Error(Code.SlowDown, _NO_MEMORY, headers=headers) from None
        except BatchFailed as error:
            raise _refusal(error) from error
        return Reply(200, {"Content-Type": answer.content_type}, answer.body)


def _unlock(call: Call) -> Unlock:
    """A key that is missing or wrong is the failure of one entry."""
    unlock = unlock_for(call)

    async def unlocked(record: Encryption) -> bytes:
        try:
            return await unlock(record)
        except S3Error as error:
            raise KeyRequired(error.message) from None

    return unlocked


def _refusal(error: BatchFailed) -> S3Error:
    """The error of the entry, which says which one it was."""
    cause = as_s3_error(error.cause)
    many = "Too many entries failed. " if isinstance(error, TooManyFailures) else ""
    message = f"{many}Entry {error.place}: {cause.message}"
    return S3Error(cause.code, message, headers=cause.headers, **cause.details)
