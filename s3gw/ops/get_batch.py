"""GetBatch: an operation of this server that AWS does not have.

Many objects, ranges and members of archives come in one answer, an archive in the order of the
request.

    POST /bucket?get-batch      {"in": [{"objname": "a"}, {"objname": "shard.tar",
                                 "archpath": "b.jpg"}], "mime": ".tar", "strm": true, "coer": true}

The request is the one of AIStore's API; `docs/getbatch.md` describes it.
"""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.leaving import Connected
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.objects.batch import BatchFailed, TooManyFailures
from s3gw.s3.batch_request import allowed_batch
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import verify_document
from s3gw.s3.encryption_headers import customer_key
from s3gw.s3.routing import operation, path
from s3gw.wire.errors import S3Error, as_s3_error
from storage.pacing import off_loop

# What somebody without identity may let the server read.
_ANONYMOUS_BYTES = 256 << 10


@operation("POST", Level.BUCKET, marker="get-batch", access=Access.GET)
class GetBatch:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        most = _ANONYMOUS_BYTES if call.caller.is_anonymous else call.limits.json_bytes
        document = await call.read_document(most)
        await off_loop(len(document), verify_document, call, document)
        try:
            async with Connected(call.receive):
                batch = await allowed_batch(call, document, self.bucket)
                unlock = call.objects.encryption.unlock(customer_key(call))
                answer = await call.services.batches.answer(call.context, batch, unlock)
        except BatchFailed as error:
            raise _refusal(error) from error
        return Reply(200, {"Content-Type": answer.content_type}, answer.body)


def _refusal(error: BatchFailed) -> S3Error:
    """Return the entry's error, with the entry's name."""
    cause = as_s3_error(error.cause)
    many = "Too many entries failed. " if isinstance(error, TooManyFailures) else ""
    message = f"{many}Entry {error.place}: {cause.message}"
    return S3Error(cause.code, message, headers=cause.headers, **cause.details)
