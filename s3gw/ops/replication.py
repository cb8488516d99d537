"""Bucket replication, not implemented: answers as AWS gives them."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import operation, path
from s3gw.wire.errors import Code, S3Error


@operation("GET", Level.BUCKET, marker="replication", access=Access.HEAD_BUCKET)
class GetBucketReplication:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.ReplicationConfigurationNotFoundError, BucketName=self.bucket)


@operation("DELETE", Level.BUCKET, marker="replication", access=Access.PATCH)
class DeleteBucketReplication:
    """Deleting a missing configuration is not an error."""

    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return Reply(204)
