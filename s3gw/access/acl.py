"""Access control lists: grants, canned ACLs, and the actions they allow.

Without an explicit ACL a resource has the private one, and that is not stored: the owner of a
resource can do everything with it, whatever its ACL says.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import ClassVar

import msgspec
from msgspec import Struct

from storage.settings import Setting

MAX_GRANTS = 100
_GROUPS = "http://acs.amazonaws.com/groups/"


class Permission(Enum):
    """The permissions, in the order of S3's documents."""

    READ = "READ"
    WRITE = "WRITE"
    READ_ACP = "READ_ACP"
    WRITE_ACP = "WRITE_ACP"
    FULL_CONTROL = "FULL_CONTROL"


class Group(Enum):
    """The predefined groups, by their URIs."""

    ALL_USERS = f"{_GROUPS}global/AllUsers"
    AUTHENTICATED_USERS = f"{_GROUPS}global/AuthenticatedUsers"
    LOG_DELIVERY = f"{_GROUPS}s3/LogDelivery"


PUBLIC_GROUPS = frozenset({Group.ALL_USERS, Group.AUTHENTICATED_USERS})


class Grant(Struct, frozen=True, array_like=True):
    """A permission for an account, or for a group when `group` is not None."""

    permission: Permission
    account: str = ""
    group: Group | None = None


Grants = tuple[Grant, ...]


class BucketAcl(Setting, frozen=True):
    """A bucket's ACL; the private one is not kept."""

    setting_name: ClassVar[str] = "acl"

    grants: Grants = ()


def full_control(account: str) -> Grants:
    return (Grant(Permission.FULL_CONTROL, account),)


def is_public(grants: Grants) -> bool:
    """Whether all users, or all with an account, are granted anything: AWS' meaning of public."""
    return any(grant.group in PUBLIC_GROUPS for grant in grants)


def as_text(grants: Grants) -> str:
    """Return the form that an object's attributes keep."""
    return msgspec.json.encode(grants).decode()


def from_text(text: str) -> Grants | None:
    """Return the grants; None when no ACL was set."""
    return msgspec.json.decode(text, type=Grants) if text else None


# Canned ACLs


def _to_all(*permissions: Permission) -> Callable[[str], Grants]:
    return lambda _: tuple(Grant(one, group=Group.ALL_USERS) for one in permissions)


def _to_bucket_owner(permission: Permission) -> Callable[[str], Grants]:
    return lambda bucket_owner: (Grant(permission, bucket_owner),)


def _nothing(_: str) -> Grants:
    return ()


_EVERYWHERE: dict[str, Callable[[str], Grants]] = {
    "private": _nothing,
    "public-read": _to_all(Permission.READ),
    "public-read-write": _to_all(Permission.READ, Permission.WRITE),
    "authenticated-read": lambda _: (Grant(Permission.READ, group=Group.AUTHENTICATED_USERS),),
}
_OF_BUCKETS = _EVERYWHERE | {
    # S3 ignores these two on buckets: their owner is the bucket's owner.
    "bucket-owner-read": _nothing,
    "bucket-owner-full-control": _nothing,
    "log-delivery-write": lambda _: (
        Grant(Permission.WRITE, group=Group.LOG_DELIVERY),
        Grant(Permission.READ_ACP, group=Group.LOG_DELIVERY),
    ),
}
_OF_OBJECTS = _EVERYWHERE | {
    "bucket-owner-read": _to_bucket_owner(Permission.READ),
    "bucket-owner-full-control": _to_bucket_owner(Permission.FULL_CONTROL),
}


def canned_bucket_acl(name: str, owner: str) -> Grants | None:
    """Return the grants; None for a name that does not apply to buckets."""
    return None if name not in _OF_BUCKETS else _owned(_OF_BUCKETS[name](owner), owner)


def canned_object_acl(name: str, owner: str, bucket_owner: str) -> Grants | None:
    """Return the grants; None for a name that does not apply to objects."""
    if name not in _OF_OBJECTS:
        return None
    return _owned(_OF_OBJECTS[name](bucket_owner), owner)


def _owned(others: Grants, owner: str) -> Grants:
    """Return the grants to others, and full control for the owner."""
    return full_control(owner) + tuple(grant for grant in others if grant.account != owner)


# What a permission allows

_BUCKET_ACTIONS: Mapping[Permission, tuple[str, ...]] = {
    Permission.READ: ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
    Permission.WRITE: ("s3:PutObject", "s3:DeleteObject"),
    Permission.READ_ACP: ("s3:GetBucketAcl",),
    Permission.WRITE_ACP: ("s3:PutBucketAcl",),
}
_OBJECT_ACTIONS: Mapping[Permission, tuple[str, ...]] = {
    Permission.READ: (
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectTorrent",
        "s3:GetObjectVersionTorrent",
    ),
    Permission.READ_ACP: ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    Permission.WRITE_ACP: ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
}


def _permissions(actions: Mapping[Permission, tuple[str, ...]]) -> Mapping[str, Permission]:
    return {action: permission for permission, some in actions.items() for action in some}


# The permission that allows an action: in the bucket's ACL, and in the object's.
BY_BUCKET_ACL = _permissions(_BUCKET_ACTIONS)
BY_OBJECT_ACL = _permissions(_OBJECT_ACTIONS)


def grants_to_account(grants: Grants, account: str, permission: Permission) -> bool:
    return any(g.account == account and _covers(g, permission) for g in grants if g.account)


def grants_to_group(grants: Grants, groups: frozenset[Group], permission: Permission) -> bool:
    return any(g.group in groups and _covers(g, permission) for g in grants if g.group)


def _covers(grant: Grant, permission: Permission) -> bool:
    return grant.permission in (permission, Permission.FULL_CONTROL)
