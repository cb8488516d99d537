"""Transfer acceleration: never on, because there are no edge locations.

A bucket may be set to Suspended, and shows that from then on, as at AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.settings import Setting, setting, with_setting


class Status(Enum):
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class AccelerateSetting(Setting, frozen=True):
    setting_name: ClassVar[str] = "accelerate"
    status: Status


@document("AccelerateConfiguration")
@dataclass(frozen=True, slots=True)
class AccelerateConfiguration:
    status: str | None = None


@operation("GET", Level.BUCKET, marker="accelerate", access=Access.HEAD_BUCKET)
class GetBucketAccelerateConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        found = setting(call.bucket_info, AccelerateSetting)
        return xml_reply(AccelerateConfiguration(found.status.value if found else None))


@operation("PUT", Level.BUCKET, marker="accelerate", access=Access.PATCH)
class PutBucketAccelerateConfiguration:
    bucket: str = path("Bucket")
    configuration: AccelerateConfiguration = body()

    async def run(self, call: Call) -> Reply:
        if "." in self.bucket:
            message = (
                "S3 Transfer Acceleration is not supported for buckets with periods (.) in their "
                "names"
            )
            raise S3Error(Code.InvalidRequest, message)
        try:
            status = Status(self.configuration.status)
        except ValueError:
            raise S3Error(Code.MalformedXML) from None
        if status is Status.ENABLED:
            message = "S3 Transfer Acceleration is not available: there are no edge locations."
            raise S3Error(Code.NotImplemented, message)
        kept = AccelerateSetting(status)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, kept))
        return Reply()
