"""Who may do what: the one place that decides.

Every operation declares the right it needs next to its route, in AIStore's permission bits. Until
bucket policies and ACLs stand here, the rule is short: a bucket belongs to the account that made
it, and to the root account.
"""

from __future__ import annotations

from enum import Flag
from typing import TYPE_CHECKING

from s3gw.errors import Code, S3Error
from storage.values import BucketInfo

if TYPE_CHECKING:
    from s3gw.auth import Principal
    from s3gw.message import Call


class Access(Flag):
    """AIStore's permission bits, by the names its documents use."""

    GET = 1
    HEAD_OBJECT = 1 << 1
    PUT = 1 << 2
    APPEND = 1 << 3
    DELETE_OBJECT = 1 << 4
    MOVE_OBJECT = 1 << 5
    PROMOTE = 1 << 6
    UPDATE_OBJECT = 1 << 7
    HEAD_BUCKET = 1 << 8
    LIST_OBJECTS = 1 << 9
    PATCH = 1 << 10
    SET_BUCKET_ACL = 1 << 11
    LIST_BUCKETS = 1 << 12
    SHOW_CLUSTER = 1 << 13
    CREATE_BUCKET = 1 << 14
    DESTROY_BUCKET = 1 << 15
    MOVE_BUCKET = 1 << 16
    ADMIN = 1 << 17


_WITHOUT_BUCKET = Access.LIST_BUCKETS | Access.CREATE_BUCKET
_EXPECTED_OWNER = "x-amz-expected-bucket-owner"
_EXPECTED_SOURCE_OWNER = "x-amz-source-expected-bucket-owner"


async def authorize(call: Call, access: Access) -> None:
    """Let the caller use the bucket that the call names, and remember whose it is.

    Raises `AccessDenied`, or `BucketNotFound` to those who may know.
    """
    if call.caller.is_anonymous:
        raise S3Error(Code.AccessDenied)
    if not access & _WITHOUT_BUCKET:
        expected = call.headers.get(_EXPECTED_OWNER)
        call.bucket_info = await owned_bucket(call, call.bucket, expected)


async def authorize_source(call: Call, bucket: str) -> None:
    """Let the caller read from the bucket that a copy names as its source."""
    await owned_bucket(call, bucket, call.headers.get(_EXPECTED_SOURCE_OWNER))


async def owned_bucket(call: Call, bucket: str, expected_owner: str | None) -> BucketInfo:
    info = await call.store.head_bucket(bucket)
    if not may_use(call.caller, info) or expected_owner not in (None, info.owner):
        raise S3Error(Code.AccessDenied)
    return info


def may_use(principal: Principal, bucket: BucketInfo) -> bool:
    return principal.is_root or principal.account == bucket.owner
