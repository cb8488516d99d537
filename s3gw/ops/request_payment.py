"""Request payment: always the bucket's owner; requests are not billed here.

`Requester` is refused: it promises the owner that others cannot cause costs unless they agree to
pay them, and a server without bills cannot keep that.
"""

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


class Payer(Enum):
    BUCKET_OWNER = "BucketOwner"
    REQUESTER = "Requester"


@document("RequestPaymentConfiguration")
@dataclass(frozen=True, slots=True)
class RequestPaymentConfiguration:
    payer: Payer


@operation("GET", Level.BUCKET, marker="requestPayment", access=Access.HEAD_BUCKET)
class GetBucketRequestPayment:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(RequestPaymentConfiguration(Payer.BUCKET_OWNER))


@operation("PUT", Level.BUCKET, marker="requestPayment", access=Access.PATCH)
class PutBucketRequestPayment:
    """`BucketOwner` holds anyway, so there is nothing to keep."""

    bucket: str = path("Bucket")
    configuration: RequestPaymentConfiguration = body()

    async def run(self, call: Call) -> Reply:
        if self.configuration.payer is Payer.REQUESTER:
            message = "Requester Pays is not available: nobody is billed for requests here."
            raise S3Error(Code.NotImplemented, message)
        return Reply()
