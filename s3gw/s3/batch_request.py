"""GetBatch requests of either API: decoding, and authorization of all entries."""

from __future__ import annotations

from s3gw.access import authorize_reads
from s3gw.http.request import AuthenticatedRequest
from s3gw.objects.batch import Batch, InvalidBatch, decode_batch
from s3gw.objects.batch.request import Spaces, no_spaces
from s3gw.wire.errors import Code, S3Error
from storage.pacing import off_loop


async def allowed_batch(
    call: AuthenticatedRequest, document: bytes, bucket: str, spaces: Spaces = no_spaces
) -> Batch:
    """Return the batch of the document; `bucket` is the default of entries without one.

    Raise `InvalidRequest` for an invalid document, and `AccessDenied` and `BucketNotFound` if one
    of its entries may not be read.
    """
    try:
        batch = await off_loop(len(document), decode_batch, document, bucket, spaces)
    except InvalidBatch as error:
        # A caller without read access does not learn the format of a valid document.
        if bucket:
            await authorize_reads(call, [(bucket, "*")])
        raise S3Error(Code.InvalidRequest, str(error)) from None
    await authorize_reads(call, ((item.bucket, item.name) for item in batch.items))
    return batch
