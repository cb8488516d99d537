"""The ACL in a request: canned, or a list of grants.

Grants are in headers, or in the document of the request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#setting-acls
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from s3gw.access.acl import (
    MAX_GRANTS,
    BucketAcl,
    Grant,
    Grants,
    Group,
    Permission,
    as_text,
    canned_bucket_acl,
    canned_object_acl,
    full_control,
    is_public,
)
from s3gw.access.ownership import Ownership, OwnershipControls, enforces_owner, ownership_of
from s3gw.access.public_access import NO_BLOCK, PublicAccessBlock
from s3gw.wire.errors import Code, S3Error
from storage.settings import encoded, setting
from storage.values import Attributes, BucketInfo

if TYPE_CHECKING:
    from s3gw.http.request import AuthenticatedRequest
    from s3gw.identity.accounts import Accounts

CANNED = "x-amz-acl"
OWNERSHIP = "x-amz-object-ownership"
_GRANTS: Mapping[str, Permission] = {
    "x-amz-grant-read": Permission.READ,
    "x-amz-grant-write": Permission.WRITE,
    "x-amz-grant-read-acp": Permission.READ_ACP,
    "x-amz-grant-write-acp": Permission.WRITE_ACP,
    "x-amz-grant-full-control": Permission.FULL_CONTROL,
}
_GRANTEE = re.compile(r"\s*(id|uri|emailAddress)\s*=\s*(?:\"([^\"]*)\"|([^\",\s]*))\s*", re.I)
_OWNER_HAS_ALL = "bucket-owner-full-control"
_TWO_WAYS = "Specifying both Canned ACLs and Header Grants is not allowed"
_CANNED_ELSEWHERE = ("aws-exec-read",)


class RequestedAcl(Struct, frozen=True):
    """What the headers say; one of the two is there."""

    canned: str | None = None
    grants: Grants = ()

    def for_bucket(self, owner: str) -> Grants:
        if self.canned is None:
            return self.grants
        return _known(self.canned, canned_bucket_acl(self.canned, owner))

    def for_object(self, owner: str, bucket_owner: str) -> Grants:
        if self.canned is None:
            return self.grants
        return _known(self.canned, canned_object_acl(self.canned, owner, bucket_owner))


def read_requested_acl(call: AuthenticatedRequest) -> RequestedAcl | None:
    """Return None when no header gives an ACL. Raises for an invalid one, and for two at once."""
    canned = call.headers.get(CANNED)
    there = [name for name in _GRANTS if name in call.headers]
    if canned is not None and there:
        raise S3Error(Code.InvalidRequest, _TWO_WAYS)
    if canned is not None:
        return RequestedAcl(canned)
    if not there:
        return None
    grants = (
        grant
        for name in there
        for grant in _header_grants(call.site.accounts, name, call.headers[name])
    )
    return RequestedAcl(grants=checked(grants))


def checked(grants: Iterable[Grant]) -> Grants:
    """Return the grants if S3 takes that many."""
    listed = tuple(grants)
    if len(listed) > MAX_GRANTS:
        raise S3Error(Code.MalformedACLError, f"An ACL has at most {MAX_GRANTS} grants.")
    return listed


def known_account(accounts: Accounts, account: str, argument: str = "CanonicalUser/ID") -> str:
    """Return the account's id; `argument` is what the error calls it, in a document or a header."""
    if accounts.account(account) is None:
        raise S3Error(
            Code.InvalidArgument, "Invalid id", ArgumentName=argument, ArgumentValue=account
        )
    return account


def account_with_email(accounts: Accounts, email: str) -> str:
    found = accounts.with_email(email)
    if not found:
        raise S3Error(Code.UnresolvableGrantByEmailAddress)
    if len(found) > 1:
        raise S3Error(Code.AmbiguousGrantByEmailAddress)
    return found[0]


def known_group(uri: str, argument: str = "Group/URI") -> Group:
    try:
        return Group(uri)
    except ValueError:
        raise S3Error(
            Code.InvalidArgument, "Invalid group uri", ArgumentName=argument, ArgumentValue=uri
        ) from None


def refuse_public(grants: Grants, bucket: BucketInfo) -> None:
    """Raise `AccessDenied` for a public ACL if the bucket blocks public ACLs."""
    block = setting(bucket, PublicAccessBlock) or NO_BLOCK
    if block.block_public_acls and is_public(grants):
        message = "The bucket does not allow public ACLs (BlockPublicAcls)."
        raise S3Error(Code.AccessDenied, message)


# New objects


def with_owner_and_acl(call: AuthenticatedRequest, attributes: Attributes) -> Attributes:
    """Add the owner of a new object, and the ACL that the request gives it, to its attributes."""
    bucket = call.bucket_info
    given = read_requested_acl(call)
    if enforces_owner(bucket):
        if given is not None:
            given.for_object("", "")
            _check_enforced(given, bucket.owner)
        return attributes
    writer = _writer(call, bucket)
    if (
        ownership_of(bucket) is Ownership.BUCKET_OWNER_PREFERRED
        and given is not None
        and given.canned == _OWNER_HAS_ALL
    ):
        writer = bucket.owner
    grants = given.for_object(writer, bucket.owner) if given else full_control(writer)
    refuse_public(grants, bucket)
    # Most objects have neither, and their attributes are returned unchanged.
    if writer == bucket.owner and grants == full_control(writer):
        return attributes
    return _owned(attributes, writer if writer != bucket.owner else "", kept(grants, writer))


def kept(grants: Grants, owner: str) -> str:
    """Return the text for an object's attributes; empty for the ACL that it has by default."""
    return "" if grants == full_control(owner) else as_text(grants)


def _owned(attributes: Attributes, owner: str, acl: str) -> Attributes:
    return msgspec.structs.replace(attributes, owner=owner, acl=acl)


def _writer(call: AuthenticatedRequest, bucket: BucketInfo) -> str:
    return call.caller.account if call.caller.owns_what_it_writes else bucket.owner


def _check_enforced(given: RequestedAcl, owner: str) -> None:
    """Accept, where ACLs are off, only the ACL that changes nothing: many clients send it."""
    if given not in (RequestedAcl(_OWNER_HAS_ALL), RequestedAcl(grants=full_control(owner))):
        raise S3Error(Code.AccessControlListNotSupported)


# New buckets


def new_bucket_settings(call: AuthenticatedRequest, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the defaults, with the ownership and the ACL that a request gives a new bucket."""
    settings = dict(defaults)
    if (name := call.headers.get(OWNERSHIP)) is not None:
        controls = OwnershipControls(_ownership(name))
        settings[OwnershipControls.setting_name] = encoded(controls)
    owner = call.caller.account
    bucket = BucketInfo(call.bucket, owner, 0, settings=settings)
    given = read_requested_acl(call)
    grants = given.for_bucket(owner) if given else full_control(owner)
    if grants == full_control(owner):
        return settings
    if enforces_owner(bucket):
        raise S3Error(Code.InvalidBucketAclWithObjectOwnership)
    block = setting(bucket, PublicAccessBlock) or NO_BLOCK
    if block.block_public_acls and is_public(grants):
        raise S3Error(Code.InvalidBucketAclWithBlockPublicAccessError)
    return settings | {BucketAcl.setting_name: encoded(BucketAcl(grants))}


def _ownership(name: str) -> Ownership:
    try:
        return Ownership(name)
    except ValueError:
        message = f"Invalid {OWNERSHIP} header: {name}"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=OWNERSHIP) from None


# Reading headers


def _header_grants(accounts: Accounts, name: str, text: str) -> Iterator[Grant]:
    """Parse `id="...", uri="...", emailAddress="..."`, in any number."""
    for item in text.split(","):
        match = _GRANTEE.fullmatch(item)
        if match is None:
            raise S3Error(
                Code.InvalidArgument,
                "Argument format not recognized",
                ArgumentName=name,
                ArgumentValue=text,
            )
        value = match[2] if match[2] is not None else match[3]
        yield _grant(accounts, _GRANTS[name], match[1].lower(), value)


def _grant(accounts: Accounts, permission: Permission, kind: str, value: str) -> Grant:
    match kind:
        case "id":
            return Grant(permission, known_account(accounts, value, "id"))
        case "emailaddress":
            return Grant(permission, account_with_email(accounts, value))
        case _:
            return Grant(permission, group=known_group(value, "uri"))


def _known(canned: str, grants: Grants | None) -> Grants:
    if grants is not None:
        return grants
    if canned in _CANNED_ELSEWHERE:
        raise S3Error(Code.NotImplemented, Header=CANNED)
    # AWS has no text for it.
    raise S3Error(Code.InvalidArgument, "", ArgumentName=CANNED, ArgumentValue=canned)
