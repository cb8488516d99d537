"""Block Public Access, as a bucket's four switches."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.access.public_access import PublicAccessBlock
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.settings import setting, with_setting, without_setting


@document("PublicAccessBlockConfiguration")
@dataclass(frozen=True, slots=True)
class PublicAccessBlockConfiguration:
    """A switch that is missing is off."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


@operation("GET", Level.BUCKET, marker="publicAccessBlock", access=Access.HEAD_BUCKET)
class GetPublicAccessBlock:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        block = setting(await call.store.head_bucket(self.bucket), PublicAccessBlock)
        if block is None:
            raise S3Error(Code.NoSuchPublicAccessBlockConfiguration, BucketName=self.bucket)
        return xml_reply(
            PublicAccessBlockConfiguration(
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            )
        )


@operation("PUT", Level.BUCKET, marker="publicAccessBlock", access=Access.SET_BUCKET_ACL)
class PutPublicAccessBlock:
    bucket: str = path("Bucket")
    configuration: PublicAccessBlockConfiguration = body()

    async def run(self, call: Call) -> Reply:
        block = PublicAccessBlock(
            self.configuration.block_public_acls,
            self.configuration.ignore_public_acls,
            self.configuration.block_public_policy,
            self.configuration.restrict_public_buckets,
        )
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, block))
        return Reply()


@operation("DELETE", Level.BUCKET, marker="publicAccessBlock", access=Access.SET_BUCKET_ACL)
class DeletePublicAccessBlock:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(
            self.bucket, lambda info: without_setting(info, PublicAccessBlock)
        )
        return Reply(204)
