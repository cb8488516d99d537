"""Ownership controls: who owns objects written by others, and whether ACLs count."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.access.acl import BucketAcl
from s3gw.access.ownership import Ownership
from s3gw.access.ownership import OwnershipControls as Controls
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.settings import setting, with_setting, without_setting
from storage.values import BucketInfo


@dataclass(frozen=True, slots=True)
class Rule:
    object_ownership: Ownership


@document("OwnershipControls")
@dataclass(frozen=True, slots=True)
class OwnershipControls:
    rules: tuple[Rule, ...] = named("Rule")


@operation("GET", Level.BUCKET, marker="ownershipControls", access=Access.HEAD_BUCKET)
class GetBucketOwnershipControls:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        controls = setting(await call.store.head_bucket(self.bucket), Controls)
        if controls is None:
            raise S3Error(Code.OwnershipControlsNotFoundError, BucketName=self.bucket)
        return xml_reply(OwnershipControls((Rule(controls.ownership),)))


@operation("PUT", Level.BUCKET, marker="ownershipControls", access=Access.SET_BUCKET_ACL)
class PutBucketOwnershipControls:
    bucket: str = path("Bucket")
    controls: OwnershipControls = body()

    async def run(self, call: Call) -> Reply:
        if len(self.controls.rules) != 1:
            raise S3Error(Code.MalformedXML)
        ownership = self.controls.rules[0].object_ownership

        def change(info: BucketInfo) -> BucketInfo:
            """Grants that would silently lose their effect have to be removed first."""
            if ownership is Ownership.BUCKET_OWNER_ENFORCED and _grants_to_others(info):
                raise S3Error(Code.InvalidBucketAclWithObjectOwnership)
            return with_setting(info, Controls(ownership))

        await call.store.update_bucket(self.bucket, change)
        return Reply()


@operation("DELETE", Level.BUCKET, marker="ownershipControls", access=Access.SET_BUCKET_ACL)
class DeleteBucketOwnershipControls:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(self.bucket, lambda info: without_setting(info, Controls))
        return Reply(204)


def _grants_to_others(info: BucketInfo) -> bool:
    acl = setting(info, BucketAcl)
    return acl is not None and any(grant.account != info.owner for grant in acl.grants)
