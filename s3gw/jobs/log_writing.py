"""Writes log objects as anybody's are written: encrypted by the bucket's default, locked by its
default retention, with the checksum that objects have."""

from __future__ import annotations

from collections.abc import AsyncIterator

from s3gw.http.request import Call
from s3gw.http.services import NO_SERVICES, Services
from s3gw.identity.accounts import Principal
from s3gw.ops.object_write import PutObject
from s3gw.telemetry.request_id import new_request_id
from storage.backend import Backend
from storage.values import BucketInfo


class LogWriter:
    """Puts in the name of the bucket's owner."""

    def __init__(self, store: Backend, services: Services = NO_SERVICES) -> None:
        self._store = store
        self._services = services

    async def put(self, bucket: BucketInfo, key: str, body: bytes) -> None:
        """Raises what storage raises, and `S3Error` where the default encryption has no key."""
        call = Call(
            method="PUT",
            raw_path=b"",
            query_string=b"",
            headers={"content-type": "text/plain", "content-length": str(len(body))},
            body=_stream(body),
            store=self._store,
            request_id=new_request_id(),
            bucket=bucket.name,
            key=key,
            decoded_length=len(body),
            principal=Principal(bucket.owner),
            bucket_info=bucket,
            services=self._services,
        )
        await PutObject(bucket=bucket.name, key=key).run(call)


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    yield body
