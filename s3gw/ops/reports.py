"""Analytics, metrics and intelligent tiering: no bucket here has any.

At AWS a bucket has many of each, by id. Consoles and Terraform look for them, and get AWS' answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import operation, path, query
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document


@dataclass(frozen=True, slots=True)
class NoConfigurations:
    """The one, empty page of a list."""

    is_truncated: bool = False


@document("ListBucketAnalyticsConfigurationResult")
class NoAnalyticsConfigurations(NoConfigurations):
    pass


@operation("GET", Level.BUCKET, marker="analytics", access=Access.HEAD_BUCKET)
class ListBucketAnalyticsConfigurations:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(NoAnalyticsConfigurations())


@operation("GET", Level.BUCKET, marker="analytics", needs=("id",), access=Access.HEAD_BUCKET)
class GetBucketAnalyticsConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)


@operation("DELETE", Level.BUCKET, marker="analytics", needs=("id",), access=Access.PATCH)
class DeleteBucketAnalyticsConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)


@document("ListBucketIntelligentTieringConfigurationsOutput")
class NoIntelligentTieringConfigurations(NoConfigurations):
    pass


@operation("GET", Level.BUCKET, marker="intelligent-tiering", access=Access.HEAD_BUCKET)
class ListBucketIntelligentTieringConfigurations:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(NoIntelligentTieringConfigurations())


@operation(
    "GET", Level.BUCKET, marker="intelligent-tiering", needs=("id",), access=Access.HEAD_BUCKET
)
class GetBucketIntelligentTieringConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)


@operation("DELETE", Level.BUCKET, marker="intelligent-tiering", needs=("id",), access=Access.PATCH)
class DeleteBucketIntelligentTieringConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)


@document("ListMetricsConfigurationsResult")
class NoMetricsConfigurations(NoConfigurations):
    pass


@operation("GET", Level.BUCKET, marker="metrics", access=Access.HEAD_BUCKET)
class ListBucketMetricsConfigurations:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(NoMetricsConfigurations())


@operation("GET", Level.BUCKET, marker="metrics", needs=("id",), access=Access.HEAD_BUCKET)
class GetBucketMetricsConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)


@operation("DELETE", Level.BUCKET, marker="metrics", needs=("id",), access=Access.PATCH)
class DeleteBucketMetricsConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        raise S3Error(Code.NoSuchConfiguration)
