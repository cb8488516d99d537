"""Versioning state of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.object_lock import ObjectLockSetting
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.settings import setting
from storage.values import BucketInfo, Versioning


class Status(Enum):
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class MfaDelete(Enum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"


@document("VersioningConfiguration")
@dataclass(frozen=True, slots=True)
class VersioningConfiguration:
    status: Status | None = None
    mfa_delete: MfaDelete | None = None


@operation("GET", Level.BUCKET, marker="versioning", access=Access.HEAD_BUCKET)
class GetBucketVersioning:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        state = call.bucket_info.versioning
        status = None if state is Versioning.NEVER else Status(state.value)
        return xml_reply(VersioningConfiguration(status))


@operation("PUT", Level.BUCKET, marker="versioning", access=Access.PATCH)
class PutBucketVersioning:
    bucket: str = path("Bucket")
    configuration: VersioningConfiguration = body()

    async def run(self, call: Call) -> Reply:
        wanted = self.configuration
        if wanted.mfa_delete is MfaDelete.ENABLED:
            # There is no second factor to check.
            raise S3Error(Code.NotImplemented, "MFA delete is not supported.")
        if wanted.status is None:
            raise S3Error(Code.IllegalVersioningConfigurationException)
        state = Versioning(wanted.status.value)

        def change(bucket: BucketInfo) -> BucketInfo:
            if state is Versioning.SUSPENDED and setting(bucket, ObjectLockSetting):
                message = "An Object Lock configuration is present on this bucket, so the "
                message += "versioning state cannot be changed."
                raise S3Error(Code.InvalidBucketState, message)
            return msgspec.structs.replace(bucket, versioning=state)

        await call.store.update_bucket(self.bucket, change)
        return Reply()
