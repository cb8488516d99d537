"""Tables of bucket metadata: AWS keeps them elsewhere; no bucket has any."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import operation, path
from s3gw.wire.errors import Code, S3Error


@operation("GET", Level.BUCKET, marker="metadataConfiguration", access=Access.HEAD_BUCKET)
class GetBucketMetadataConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        raise _not_found(self.bucket)


@operation("DELETE", Level.BUCKET, marker="metadataConfiguration", access=Access.PATCH)
class DeleteBucketMetadataConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        raise _not_found(self.bucket)


@operation("GET", Level.BUCKET, marker="metadataTable", access=Access.HEAD_BUCKET)
class GetBucketMetadataTableConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        raise _not_found(self.bucket)


@operation("DELETE", Level.BUCKET, marker="metadataTable", access=Access.PATCH)
class DeleteBucketMetadataTableConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        raise _not_found(self.bucket)


def _not_found(bucket: str) -> S3Error:
    return S3Error(Code.MetadataConfigurationNotFound, BucketName=bucket)
