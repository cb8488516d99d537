"""Bucket policies: kept byte for byte, and refused if not fully enforceable."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from s3gw.access import Access
from s3gw.access.acl import BucketAcl, is_public
from s3gw.access.conditions import malformed
from s3gw.access.ownership import enforces_owner
from s3gw.access.policy import BucketPolicy, Policy, kept_policies, read_policy
from s3gw.access.public_access import NO_BLOCK, PublicAccessBlock, is_public_policy
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import verify_document
from s3gw.s3.routing import operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.settings import setting, with_setting, without_setting
from storage.values import BucketInfo

# More than a policy may have, so that AWS' own error is the answer to one that is a little longer.
_READ_BYTES = 1 << 20


@operation("GET", Level.BUCKET, marker="policy", access=Access.HEAD_BUCKET)
class GetBucketPolicy:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        info = await call.store.head_bucket(self.bucket)
        policy = setting(info, BucketPolicy)
        if policy is None:
            raise S3Error(Code.NoSuchBucketPolicy, BucketName=self.bucket)
        return Reply(200, {"Content-Type": "application/json"}, policy.text.encode())


@operation("PUT", Level.BUCKET, marker="policy", access=Access.SET_BUCKET_ACL)
class PutBucketPolicy:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        text = await call.read_document(_READ_BYTES)
        verify_document(call, text, checksummed=True)
        policy = BucketPolicy(_decoded(text))
        read = await asyncio.to_thread(read_policy, policy.text, self.bucket)
        _check_principals(call, read)

        def change(info: BucketInfo) -> BucketInfo:
            block = setting(info, PublicAccessBlock) or NO_BLOCK
            if block.block_public_policy and is_public_policy(read):
                message = "The bucket does not allow public policies (BlockPublicPolicy)."
                raise S3Error(Code.AccessDenied, message)
            return with_setting(info, policy)

        await call.store.update_bucket(self.bucket, change)
        return Reply(204)


@operation("DELETE", Level.BUCKET, marker="policy", access=Access.SET_BUCKET_ACL)
class DeleteBucketPolicy:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(
            self.bucket, lambda info: without_setting(info, BucketPolicy)
        )
        return Reply(204)


@document("PolicyStatus")
@dataclass(frozen=True, slots=True)
class PolicyStatus:
    is_public: bool


@operation("GET", Level.BUCKET, marker="policyStatus", access=Access.HEAD_BUCKET)
class GetBucketPolicyStatus:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        info = await call.store.head_bucket(self.bucket)
        return xml_reply(PolicyStatus(_policy_is_public(info) or _acl_is_public(info)))


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise S3Error(Code.MalformedPolicy) from None


def _check_principals(call: Call, policy: Policy) -> None:
    """Refuse ids without an account: such a typing error would let no caller in, and keep no caller
    out."""
    for statement in policy.statements:
        for account in statement.principals.named:
            if call.site.accounts is None or call.site.accounts.account(account) is None:
                raise malformed("Invalid principal in policy")


def _policy_is_public(info: BucketInfo) -> bool:
    policy = setting(info, BucketPolicy)
    return policy is not None and is_public_policy(kept_policies.get(policy.text, info.name))


def _acl_is_public(info: BucketInfo) -> bool:
    acl = setting(info, BucketAcl)
    block = setting(info, PublicAccessBlock) or NO_BLOCK
    counts = not (enforces_owner(info) or block.ignore_public_acls)
    return counts and acl is not None and is_public(acl.grants)
