"""Access control lists of buckets and of objects."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from s3gw.access import Access
from s3gw.access.acl import (
    BucketAcl,
    Grant,
    Grants,
    Permission,
    from_text,
    full_control,
)
from s3gw.access.acl_headers import (
    RequestedAcl,
    account_with_email,
    checked,
    kept,
    known_account,
    known_group,
    read_requested_acl,
    refuse_public,
)
from s3gw.access.ownership import enforces_owner
from s3gw.events.events import EventName
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.delete_markers import refusing_markers
from s3gw.s3.headers import named_version, read_version_header
from s3gw.s3.routing import body, operation, path, query
from s3gw.s3.shared_elements import Owner, object_owner, owner_of
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named, within, xsi_type
from storage.settings import setting, with_setting, without_setting
from storage.values import Attributes, BucketInfo, ReadOptions, UpdateOptions

_GRANTEES = ("CanonicalUser", "AmazonCustomerByEmail", "Group")


@dataclass(frozen=True, slots=True)
class Grantee:
    """An account by its id or its e-mail address, or a group by its URI."""

    display_name: str | None = None
    email_address: str | None = None
    id: str | None = None
    uri: str | None = named("URI", default=None)
    type: str = xsi_type(default="CanonicalUser")


@dataclass(frozen=True, slots=True)
class PermissionOf:
    """One grant as documents write it."""

    grantee: Grantee
    permission: Permission


@dataclass(frozen=True, slots=True)
class PolicyOwner:
    display_name: str | None = None
    id: str | None = None


@document("AccessControlPolicy", malformed=Code.MalformedACLError)
@dataclass(frozen=True, slots=True)
class AccessControlPolicy:
    owner: PolicyOwner | None = None
    grants: tuple[PermissionOf, ...] = within("AccessControlList", "Grant", default=())


@operation("GET", Level.BUCKET, marker="acl", access=Access.HEAD_BUCKET)
class GetBucketAcl:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        info = await call.store.head_bucket(self.bucket)
        acl = None if enforces_owner(info) else setting(info, BucketAcl)
        grants = acl.grants if acl else full_control(info.owner)
        return xml_reply(_policy(call, info.owner, grants))


@operation("PUT", Level.BUCKET, marker="acl", access=Access.SET_BUCKET_ACL)
class PutBucketAcl:
    bucket: str = path("Bucket")
    policy: AccessControlPolicy | None = body()

    async def run(self, call: Call) -> Reply:
        given = _given(call, self.policy)
        given.for_bucket("")

        def change(info: BucketInfo) -> BucketInfo:
            _check_enforced(info)
            _check_owner(self.policy, info.owner)
            grants = given.for_bucket(info.owner)
            refuse_public(grants, info)
            if grants == full_control(info.owner):
                return without_setting(info, BucketAcl)
            return with_setting(info, BucketAcl(grants))

        await call.store.update_bucket(self.bucket, change)
        return Reply()


@operation("GET", Level.OBJECT, marker="acl", access=Access.HEAD_OBJECT)
class GetObjectAcl:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        options = ReadOptions(version=named_version(self.version_id))
        reading = await call.store.head_object(self.bucket, self.key, options)
        bucket = await call.store.head_bucket(self.bucket)
        attributes = reading.info.attributes
        owner = object_owner(bucket, attributes.owner)
        grants = None if enforces_owner(bucket) else from_text(attributes.acl)
        shown = full_control(owner) if grants is None else grants
        headers = read_version_header(bucket, reading.info)
        return xml_reply(_policy(call, owner, shown), headers=headers)


@operation("PUT", Level.OBJECT, marker="acl", access=Access.UPDATE_OBJECT)
class PutObjectAcl:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    policy: AccessControlPolicy | None = body()

    async def run(self, call: Call) -> Reply:
        bucket = await call.store.head_bucket(self.bucket)
        given = _given(call, self.policy)
        given.for_object("", "")
        _check_enforced(bucket)

        def change(attributes: Attributes) -> Attributes:
            owner = object_owner(bucket, attributes.owner)
            _check_owner(self.policy, owner)
            grants = given.for_object(owner, bucket.owner)
            refuse_public(grants, bucket)
            return msgspec.structs.replace(attributes, acl=kept(grants, owner))

        options = UpdateOptions(version=named_version(self.version_id))
        with refusing_markers():
            info = await call.objects.change_attributes(
                call.context, bucket, self.key, change, event=EventName.ACL_PUT, options=options
            )
        return Reply(headers=read_version_header(bucket, info))


def _given(call: Call, policy: AccessControlPolicy | None) -> RequestedAcl:
    """Return the ACL of the headers or of the document; a request has only one of them. What is
    wrong with it comes before the question whether the bucket has ACLs at all."""
    in_headers = read_requested_acl(call)
    if in_headers is not None and policy is not None:
        raise S3Error(Code.UnexpectedContent)
    if in_headers is not None:
        return in_headers
    if policy is None:
        raise S3Error(Code.MissingSecurityHeader, MissingHeaderName="x-amz-acl")
    if policy.owner is None or not policy.owner.id:
        raise S3Error(Code.MalformedACLError)
    known_account(call.site.accounts, policy.owner.id)
    return RequestedAcl(grants=checked(_grant(call, one) for one in policy.grants))


def _check_enforced(bucket: BucketInfo) -> None:
    if enforces_owner(bucket):
        raise S3Error(Code.AccessControlListNotSupported)


def _check_owner(policy: AccessControlPolicy | None, owner: str) -> None:
    """Raise unless the document names the current owner: it cannot change the owner."""
    if policy is not None and policy.owner is not None and policy.owner.id != owner:
        raise S3Error(Code.AccessDenied)


def _grant(call: Call, one: PermissionOf) -> Grant:
    if one.grantee.type not in _GRANTEES:
        raise S3Error(Code.MalformedACLError)
    match one.grantee:
        case Grantee(id=str(account), email_address=None, uri=None):
            return Grant(one.permission, known_account(call.site.accounts, account))
        case Grantee(id=None, email_address=str(email), uri=None):
            return Grant(one.permission, account_with_email(call.site.accounts, email))
        case Grantee(id=None, email_address=None, uri=str(uri)):
            return Grant(one.permission, group=known_group(uri))
        case _:
            raise S3Error(Code.MalformedACLError)


def _policy(call: Call, owner: str, grants: Grants) -> AccessControlPolicy:
    shown: Owner = owner_of(call, owner)
    if shown.display_name:
        # Clients from the days of display names look for groups first: they have none.
        grants = tuple(sorted(grants, key=lambda grant: grant.group is None))
    rows = tuple(PermissionOf(_grantee(call, grant), grant.permission) for grant in grants)
    return AccessControlPolicy(PolicyOwner(shown.display_name, shown.id), rows)


def _grantee(call: Call, grant: Grant) -> Grantee:
    if grant.group is not None:
        return Grantee(uri=grant.group.value, type="Group")
    return Grantee(display_name=call.display_name(grant.account), id=grant.account)
