"""GetBatch, AIStore's "ML endpoint": objects, ranges and archive members in one answer.

    GET /v1/ml/moss[/bucket]      {"in": [{"objname": "a", "bucket": "b"}], "mime": ".tar", ...}

docs/getbatch.md describes the request and the answer.
"""

from __future__ import annotations

import msgspec

from s3gw.access import Access
from s3gw.http.leaving import Connected
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, as_native_error, no_bucket, unsupported
from s3gw.native.names import Bck, bck_of, read_bck
from s3gw.native.operation import document, operation, query
from s3gw.native.remote_buckets import learn_bucket
from s3gw.objects.batch import Answer, Batch, BatchFailed
from s3gw.objects.batch.request import Spaces
from s3gw.s3.batch_request import allowed_batch
from s3gw.s3.encryption_headers import customer_key
from storage.errors import BucketNotFound

_MOSS = "moss"
# The entries' buckets are authorized under this name; a request may name many.
_OPERATION = "GetBatch"


@operation("GET", "ml/{moss}", access=Access.GET, asks_itself=True)
class GetBatch:
    """Each entry names its bucket; the right to read it is checked entry by entry."""

    batch: msgspec.Raw = document()

    async def run(self, call: NativeCall) -> Reply:
        return await _answered(call, bytes(self.batch), "")


@operation("GET", "ml/{moss}/{bucket}", access=Access.GET, asks_itself=True)
class GetBatchOfBucket:
    """As GetBatch, with a bucket for the entries that do not name one."""

    batch: msgspec.Raw = document()
    namespace: str = query("namespace", default="")
    provider: str = query("provider", default="")

    async def run(self, call: NativeCall) -> Reply:
        named = {"namespace": self.namespace, "provider": self.provider}
        call.bck = read_bck(call.segments[2], named, call.known_clusters)
        _require_ours(call.bck)
        if call.bck.is_cloud:
            await learn_bucket(call)
        return await _answered(call, bytes(self.batch), call.bck.stored)


async def _answered(call: NativeCall, text: bytes, bucket: str) -> Reply:
    if call.name != _MOSS:
        raise unsupported(f"the ML endpoint {call.name[:64]!r}")
    call.operation = _OPERATION
    try:
        async with Connected(call.receive):
            batch = await allowed_batch(call, text, bucket, _spaces(call))
            answer = await _answer(call, batch)
    except BucketNotFound as error:
        raise no_bucket(bck_of(str(error))) from None
    return Reply(200, {"Content-Type": answer.content_type}, answer.body)


def _spaces(call: NativeCall) -> Spaces:
    known = call.known_clusters

    def stored(provider: str, namespace: str, bucket: str) -> str:
        bck = read_bck(bucket, {"provider": provider, "namespace": namespace}, known)
        _require_ours(bck)
        return bck.stored if bucket else ""

    return stored


def _require_ours(bck: Bck) -> None:
    """Raise 404 for a bucket of another cluster."""
    if bck.uuid and not bck.is_cloud:
        message = f'bucket "{bck.cname()}" does not exist'
        raise NativeError(404, message, Tcode.REMOTE_BCK_NOT_FOUND)


async def _answer(call: NativeCall, batch: Batch) -> Answer:
    try:
        unlock = call.objects.encryption.unlock(customer_key(call))
        return await call.services.batches.answer(call.context, batch, unlock)
    except BatchFailed as error:
        item = batch.items[error.place]
        call.bck, call.key = bck_of(item.bucket), item.name
        raise as_native_error(error.cause, call) from error
