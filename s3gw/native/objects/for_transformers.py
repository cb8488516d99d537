"""Objects for transformers that read them: `/v1/etl-objects/name/secret/provider/@#/bucket/object`.

It is the transformer's AIS_TARGET_URL with the path that it was asked for. The secret is made at
each start, and is known to the transformer alone; whoever has it may read every object, as the
administrator who started it.
"""

from __future__ import annotations

from msgspec.structs import replace

from s3gw.etl.service import EtlService
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, no_bucket
from s3gw.native.etl.enabled import etl_of
from s3gw.native.jobs.target import read_object_uname
from s3gw.native.object_names import key_of
from s3gw.native.operation import NO_RIGHT, operation, query
from s3gw.native.remote_buckets import learn_bucket
from s3gw.objects.encryption import no_customer_key
from storage.errors import BucketNotFound
from storage.values import ReadOptions


@operation("GET", "etl-objects/{etl}/{object}", access=NO_RIGHT, is_open=True)
class GetEtlObject:
    latest: bool = query("latest-ver", default=False)

    async def run(self, call: NativeCall) -> Reply:
        inside = await _inside(etl_of(call), call)
        options = ReadOptions(
            unlock=call.objects.encryption.unlock(no_customer_key),
            before_stream=call.before_stream,
            latest=self.latest,
        )
        reading = await call.store.get_object(inside.bucket, inside.key, options)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(reading.info.size),
        }
        return Reply(200, headers, reading.body)


@operation("HEAD", "etl-objects/{etl}/{object}", access=NO_RIGHT, is_open=True)
class HeadEtlObject:
    async def run(self, call: NativeCall) -> Reply:
        inside = await _inside(etl_of(call), call)
        info = (await call.store.head_object(inside.bucket, inside.key)).info
        return Reply(200, {"Content-Length": str(info.size)})


async def _inside(etl: EtlService, call: NativeCall) -> NativeCall:
    """Return the call as one about the object. Raise 404 for another secret, and for a bucket that
    does not exist."""
    secret, _, uname = call.segments[2].partition("/")
    await etl.require_secret(call.name, secret)
    bck, name = read_object_uname(uname, call)
    if not name:
        raise NativeError(400, "the object's name is empty")
    inside = replace(call, bck=bck, bucket=bck.stored, key=key_of(name), operation="GetObject")
    try:
        if not bck.is_ours:
            await learn_bucket(inside)
        inside.bucket_info = await call.store.head_bucket(bck.stored)
    except BucketNotFound:
        raise no_bucket(bck) from None
    return inside
