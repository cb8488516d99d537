"""The bucket's `access` attribute: AIStore's mask of permitted operations.

The mask grants nothing. An operation outside it is refused, to the owner and the root account too,
even if something else allows it. Only principals with all rights of the root account can always
change the mask. Without authentication, as in AIStore, the mask keeps data
and the bucket from being changed and removed, and nothing else.
"""

from __future__ import annotations

from typing import ClassVar

from s3gw.identity.permissions import ALL, READ_ONLY, parse_permissions
from s3gw.identity.rights import Access
from storage.settings import Setting, setting, with_setting, without_setting
from storage.values import BucketInfo

# Without these the bucket could never be opened again.
ALWAYS_ROOTS = (Access.PATCH | Access.SET_BUCKET_ACL).value
ALWAYS_ANYONES = ALWAYS_ROOTS | READ_ONLY.value


class BucketAccess(Setting, frozen=True):
    """`mask` is a number of 64 bits, in decimal digits; a bucket without it leaves out nothing."""

    setting_name: ClassVar[str] = "access"

    mask: str


def bucket_access(bucket: BucketInfo) -> int:
    kept = setting(bucket, BucketAccess)
    return ALL if kept is None else int(kept.mask)


def with_access(bucket: BucketInfo, value: str | int) -> BucketInfo:
    """Return the bucket with the mask, in the format of `parse_permissions`. The number 0 is full
    access, AIStore's default of old. Raises `ValueError`."""
    mask = parse_permissions(value)
    if mask == ALL or str(value).strip() == "0":
        return without_setting(bucket, BucketAccess)
    return with_setting(bucket, BucketAccess(str(mask)))
