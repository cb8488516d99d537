"""Website configuration of a bucket; `s3gw.website.app` serves it."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.s3.website_configuration import WebsiteConfiguration, WebsiteSetting, check_website
from s3gw.wire.errors import Code, S3Error
from storage.settings import setting, with_setting, without_setting


@operation("GET", Level.BUCKET, marker="website", access=Access.HEAD_BUCKET)
class GetBucketWebsite:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        found = setting(call.bucket_info, WebsiteSetting)
        if found is None:
            raise S3Error(Code.NoSuchWebsiteConfiguration, BucketName=self.bucket)
        return xml_reply(found.configuration)


@operation("PUT", Level.BUCKET, marker="website", access=Access.PATCH)
class PutBucketWebsite:
    bucket: str = path("Bucket")
    configuration: WebsiteConfiguration = body()

    async def run(self, call: Call) -> Reply:
        website = check_website(self.configuration)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, website))
        return Reply()


@operation("DELETE", Level.BUCKET, marker="website", access=Access.PATCH)
class DeleteBucketWebsite:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(
            self.bucket, lambda info: without_setting(info, WebsiteSetting)
        )
        return Reply(204)
