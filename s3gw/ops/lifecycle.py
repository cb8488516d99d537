"""Lifecycle configuration of a bucket.

AWS has an older pair of operations, PutBucketLifecycle and GetBucketLifecycle, with the same
requests; they are answered here too.
"""

from __future__ import annotations

from cluster.lifecycle.rules import ALL_STORAGE_CLASSES_128K
from cluster.lifecycle.rules import LifecycleConfiguration as Configuration
from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.ops.lifecycle_document import (
    LifecycleConfiguration,
    read_configuration,
    shown_configuration,
)
from s3gw.s3.call import Call
from s3gw.s3.routing import body, header, operation, path
from s3gw.wire.errors import Code, S3Error
from storage.settings import setting, with_setting, without_setting

_MINIMUM_SIZE = "x-amz-transition-default-minimum-object-size"
_MINIMUM_SIZES = (ALL_STORAGE_CLASSES_128K, "varies_by_storage_class")


@operation("PUT", Level.BUCKET, marker="lifecycle", access=Access.PATCH)
class PutBucketLifecycleConfiguration:
    bucket: str = path("Bucket")
    minimum_size: str = header(_MINIMUM_SIZE, default=ALL_STORAGE_CLASSES_128K)
    configuration: LifecycleConfiguration = body()

    async def run(self, call: Call) -> Reply:
        if self.minimum_size not in _MINIMUM_SIZES:
            message = f"Invalid TransitionDefaultMinimumObjectSize found: {self.minimum_size}"
            raise S3Error(Code.InvalidRequest, message)
        wanted = read_configuration(self.configuration, self.minimum_size)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, wanted))
        return Reply(headers={_MINIMUM_SIZE: self.minimum_size})


@operation("GET", Level.BUCKET, marker="lifecycle", access=Access.HEAD_BUCKET)
class GetBucketLifecycleConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        kept = setting(await call.store.head_bucket(self.bucket), Configuration)
        if kept is None:
            raise S3Error(Code.NoSuchLifecycleConfiguration, BucketName=self.bucket)
        return xml_reply(shown_configuration(kept), headers={_MINIMUM_SIZE: kept.minimum_size})


@operation("DELETE", Level.BUCKET, marker="lifecycle", access=Access.PATCH)
class DeleteBucketLifecycle:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(
            self.bucket, lambda info: without_setting(info, Configuration)
        )
        return Reply(204)
