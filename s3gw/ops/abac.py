"""Bucket ABAC: always Disabled; PUT accepts only Disabled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document


class Status(Enum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"


@document("AbacStatus")
@dataclass(frozen=True, slots=True)
class AbacStatus:
    status: Status


@operation("GET", Level.BUCKET, marker="abac", access=Access.HEAD_BUCKET)
class GetBucketAbac:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(AbacStatus(Status.DISABLED))


@operation("PUT", Level.BUCKET, marker="abac", access=Access.PATCH)
class PutBucketAbac:
    bucket: str = path("Bucket")
    abac_status: AbacStatus = body()

    async def run(self, call: Call) -> Reply:
        if self.abac_status.status is Status.ENABLED:
            message = "Tags of buckets take no part in access control here."
            raise S3Error(Code.NotImplemented, message)
        return Reply()
