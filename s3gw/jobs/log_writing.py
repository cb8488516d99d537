"""Writing access-log objects: encrypted and locked by the target bucket's defaults."""

from __future__ import annotations

from msgspec import Struct

from cluster.requested_by import RequestedBy
from s3gw.objects.attributes import new_attributes
from s3gw.objects.checksums import Payload
from s3gw.objects.context import Context
from s3gw.objects.service import ObjectService, WriteOptions
from s3gw.telemetry.request_id import new_request_id
from storage.values import Body, BucketInfo

_TYPE = "text/plain"


class LogWriter(Struct, frozen=True):
    """Writes as the bucket's owner."""

    objects: ObjectService

    async def put(self, bucket: BucketInfo, key: str, body: bytes) -> None:
        """Write an object. Raises storage's errors, and `S3Error` if the default encryption has no
        key."""
        context = Context(RequestedBy(bucket.owner, "", new_request_id()))
        options = WriteOptions(
            attributes=new_attributes(bucket, context.clock.now_ns(), _TYPE),
            payload=Payload(announced=len(body)),
            size=len(body),
        )
        await self.objects.write(context, bucket, key, _once(body), options)


async def _once(body: bytes) -> Body:
    yield body
