"""CORS configuration of a bucket."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.cors import CORSConfiguration, CorsSetting, check_rules
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from storage.settings import setting, with_setting, without_setting


@operation("GET", Level.BUCKET, marker="cors", access=Access.HEAD_BUCKET)
class GetBucketCors:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        found = setting(call.bucket_info, CorsSetting)
        if found is None:
            raise S3Error(Code.NoSuchCORSConfiguration, BucketName=self.bucket)
        return xml_reply(found.configuration)


@operation("PUT", Level.BUCKET, marker="cors", access=Access.PATCH)
class PutBucketCors:
    bucket: str = path("Bucket")
    configuration: CORSConfiguration = body()

    async def run(self, call: Call) -> Reply:
        cors = check_rules(self.configuration)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, cors))
        return Reply()


@operation("DELETE", Level.BUCKET, marker="cors", access=Access.PATCH)
class DeleteBucketCors:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(self.bucket, lambda info: without_setting(info, CorsSetting))
        return Reply(204)
