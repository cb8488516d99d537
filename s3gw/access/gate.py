"""The gate: every request passes it, between authentication and its operation.

It knows the store and the request; the rules are in `decide`. Nearly all callers are the owner of a
bucket without policy and without objects of others: they pass after one look at the bucket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from s3gw.access.actions import gives_rights, needed, sets_acl, tests_etag
from s3gw.access.bucket_access import BucketAccess
from s3gw.access.check import NARROWING_USERS, AccessCheck, now_s, request_of
from s3gw.access.decide import allows, allows_without_bucket, denies, rules_of
from s3gw.access.ownership import HoldsForeignObjects, enforces_owner
from s3gw.access.policy import BucketPolicy, kept_policies
from s3gw.access.principals import LOGGING, S3_ITSELF
from s3gw.access.request import ARN, NO_OBJECT, AccessRequest, Caller
from s3gw.access.session import kept_session_policies
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER
from s3gw.identity.rights import WITHOUT_BUCKET, Access
from s3gw.wire.errors import Code, S3Error
from storage.errors import ObjectNotFound, VersionNotFound
from storage.pacing import paced
from storage.settings import setting, with_setting
from storage.values import BucketInfo

if TYPE_CHECKING:
    from s3gw.http.request import AuthenticatedRequest
    from s3gw.identity.accounts import Principal

_EXPECTED_OWNER = "x-amz-expected-bucket-owner"
_EXPECTED_SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
# Documents that can keep a bucket's owner from something, and the one that can keep root.
_ACCESS = BucketAccess.setting_name
_NARROWING = frozenset({BucketPolicy.setting_name, HoldsForeignObjects.setting_name, _ACCESS})
_ACCOUNT_NUMBER = re.compile(r"\d{12}", re.ASCII)
_AS_AT_AWS = re.compile(r"\d{12}|[0-9a-f]{64}", re.ASCII)
_LOOKING = (Access.HEAD_BUCKET | Access.LIST_OBJECTS).value
# Decided for each of the keys that the document names, once it is read.
_BY_KEY = frozenset({"DeleteObjects", "PostObject"})
# As those, with keys of other buckets too: the request's own bucket decides nothing.
_BY_ENTRY = frozenset({"GetBatch"})
_DELETION = "DeleteObjects"
# Headers with information of other operations: their actions without and with a version.
_RETENTION = ("s3:GetObjectRetention", "s3:GetObjectRetention")
# What a caller without identity may not do, whatever a policy allows: somebody has to be the
# initiator of an upload and the reader of a copy's source, and own what decides about ownership.
_NO_OWNERSHIP = "s3:{}BucketOwnershipControls does not support Anonymous requests!"
_NO_COPY = "Anonymous users cannot copy objects. Please authenticate."
_NEVER_ANONYMOUS = {
    "CreateMultipartUpload": (
        "Anonymous users cannot initiate multipart uploads. Please authenticate."
    ),
    "CopyObject": _NO_COPY,
    "UploadPartCopy": _NO_COPY,
    "GetBucketOwnershipControls": _NO_OWNERSHIP.format("Get"),
    "PutBucketOwnershipControls": _NO_OWNERSHIP.format("Put"),
    "DeleteBucketOwnershipControls": _NO_OWNERSHIP.format("Put"),
}
_TELLING = {
    "x-amz-tagging-count": ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "x-amz-object-lock-mode": _RETENTION,
    "x-amz-object-lock-retain-until-date": _RETENTION,
    "x-amz-object-lock-legal-hold": ("s3:GetObjectLegalHold", "s3:GetObjectLegalHold"),
}
_WRITES = frozenset({"s3:PutObject"})


async def authorize(
    call: AuthenticatedRequest,
    access: Access,
    archive: str | None = None,
    *,
    outside: BucketInfo | None = None,
) -> None:
    """Check that the caller may do the operation, and remember the bucket that it names. The key
    may be that of a member of an `archive`, another object of the bucket. A bucket that is not in
    the store is given as `outside`.

    Raises `AccessDenied`, `BucketNotFound`, and, if the caller may know, the storage's error for a
    missing object.
    """
    if access & WITHOUT_BUCKET:
        if call.caller.session_policy:
            await kept_session_policies.read_ahead(call.caller.session_policy)
        for action in needed(call.operation, None, call.headers):
            if not may_without_bucket(call, access, action):
                raise S3Error(Code.AccessDenied)
        return
    info = call.bucket_info = outside or await call.store.head_bucket(call.bucket)
    _check_owner(call, info, _EXPECTED_OWNER)
    if call.caller.is_anonymous and call.operation in _NEVER_ANONYMOUS:
        raise S3Error(Code.AccessDenied, _NEVER_ANONYMOUS[call.operation])
    if may_use_freely(call.caller, info):
        return
    await _read_ahead(call.caller, info)
    if call.operation in _BY_ENTRY:
        return
    if call.operation in _BY_KEY:
        _check_some_key(call, info, access)
        return
    if archive is not None:
        await _authorize_in_folder(call, info, archive, access)
        return
    await authorize_key(call, call.operation, call.key, access)


async def _authorize_in_folder(
    call: AuthenticatedRequest, info: BucketInfo, archive: str, access: Access
) -> None:
    """Check that the caller may read a member of an archive: the right to read the archive is
    enough, unless something denies the member's own key."""
    await authorize_key(call, call.operation, archive, access)
    check = AccessCheck(call, info, access, call.key, None, call.operation)
    if await check.denies("s3:GetObject"):
        raise S3Error(Code.AccessDenied)


async def authorize_key(
    call: AuthenticatedRequest, operation: str, key: str, access: Access
) -> None:
    """Check that the caller may do the operation on a key of the request's bucket; `access` is the
    right it needs. Raises as `authorize`."""
    info = call.bucket_info
    if may_use_freely(call.caller, info):
        return
    version = call.query.get("versionId")
    check = AccessCheck(call, info, access, key, version, operation)
    actions = needed(operation, version, call.headers)
    for action in actions:
        await check.require(action)
    if tests_etag(operation, call.headers):
        await replace(check, access=Access.GET).require("s3:GetObject")
    if sets_acl(operation, call.headers):
        await _check_acl(check)
    if not _WRITES.isdisjoint(actions):
        await _note_foreign_writer(call, info)


async def authorize_source(
    call: AuthenticatedRequest, bucket: str, key: str, version: str | None = None
) -> None:
    """Check that the caller may read the source of a copy. Raises as `authorize`."""
    check = await _source(call, bucket, key, version)
    await check.require("s3:GetObject" if version is None else "s3:GetObjectVersion")


async def authorize_reads(call: AuthenticatedRequest, names: Iterable[tuple[str, str]]) -> None:
    """Check that the caller may read all of the objects, each a bucket and a key, and may know of
    those that are missing. Raises `AccessDenied` and `BucketNotFound`."""
    free: set[str] = set()
    others: dict[str, BucketInfo] = {}
    judged: set[tuple[str, str]] = set()
    async for bucket, key in paced(names):
        if bucket in free or (bucket, key) in judged:
            continue
        judged.add((bucket, key))
        if bucket not in others:
            info = await call.store.head_bucket(bucket)
            _check_owner(call, info, _EXPECTED_SOURCE_OWNER)
            if may_use_freely(call.caller, info):
                free.add(bucket)
                continue
            others[bucket] = info
            await _read_ahead(call.caller, info)
        question = AccessCheck(call, others[bucket], Access.GET, key, None, call.operation)
        await _authorize_read(question)


async def _authorize_read(check: AccessCheck) -> None:
    with suppress(ObjectNotFound, VersionNotFound):
        await check.require("s3:GetObject")
        if not check.permits_listing():
            try:
                await check.call.store.head_object(check.info.name, check.key)
            except ObjectNotFound:
                raise S3Error(Code.AccessDenied) from None


async def authorize_copied_tags(
    call: AuthenticatedRequest, bucket: str, key: str, version: str | None = None
) -> None:
    """Check that the caller may copy the tags of a copy's source."""
    check = await _source(call, bucket, key, version)
    await check.require("s3:GetObjectTagging" if version is None else "s3:GetObjectVersionTagging")
    target = AccessCheck(call, call.bucket_info, Access.PUT, call.key, None, call.operation)
    await target.require("s3:PutObjectTagging")


async def authorize_writing(call: AuthenticatedRequest, info: BucketInfo, key: str) -> None:
    """Check that the caller may have something written, now or later, into another bucket that the
    request names. Raises as `authorize`."""
    caller = call.caller
    owns = caller.account == info.owner and not caller.is_user
    if owns and not caller.session_policy:
        return
    await _read_ahead(caller, info)
    await AccessCheck(call, info, Access.PUT, key or "*", None, "PutObject").require("s3:PutObject")


async def may_delete(call: AuthenticatedRequest, key: str, version: str | None) -> bool:
    """Whether DeleteObjects may remove the key."""
    info = call.bucket_info
    if may_use_freely(call.caller, info):
        return True
    check = AccessCheck(call, info, Access.DELETE_OBJECT, key, version, _DELETION)
    actions = needed(_DELETION, version, call.headers)
    return all([await check.permits(action) for action in actions])


async def may_read(call: AuthenticatedRequest, key: str) -> bool:
    """Whether the caller may read the object of the request's bucket."""
    info = call.bucket_info
    if may_use_freely(call.caller, info):
        return True
    return await AccessCheck(call, info, Access.GET, key, None, "GetObject").permits("s3:GetObject")


async def hide_missing(call: AuthenticatedRequest, bucket: str, key: str) -> None:
    """Raise `AccessDenied` for a missing key, unless the caller could learn that from a listing."""
    info = call.bucket_info
    if info.name != bucket:
        info = await call.store.head_bucket(bucket)
    if may_use_freely(call.caller, info):
        return
    await _read_ahead(call.caller, info)
    if not AccessCheck(call, info, Access.LIST_OBJECTS, key).permits_listing():
        raise S3Error(Code.AccessDenied)


async def hide_headers(call: AuthenticatedRequest, headers: dict[str, str]) -> None:
    """Remove headers of a read object if the caller may not request that information itself."""
    if _TELLING.keys().isdisjoint(headers) or may_use_freely(call.caller, call.bucket_info):
        return
    told = _TELLING.keys() & headers.keys()
    version = call.query.get("versionId")
    check = AccessCheck(call, call.bucket_info, Access.HEAD_OBJECT, call.key, version)
    for name in told:
        plain, versioned = _TELLING[name]
        if not await check.permits(plain if version is None else versioned):
            del headers[name]


async def usable(call: AuthenticatedRequest, buckets: Iterable[BucketInfo]) -> list[BucketInfo]:
    """Return those that are in the caller's list of buckets (`may_use`)."""
    found = []
    async for bucket in paced(buckets):
        if call.caller.is_user:
            await _read_ahead(call.caller, bucket)
        if may_use(call, bucket):
            found.append(bucket)
    return found


async def read_policy_ahead(bucket: BucketInfo) -> None:
    """Parse the bucket's policy in a thread, before it is needed."""
    if policy := setting(bucket, BucketPolicy):
        await kept_policies.read_ahead(policy.text, bucket.name)


async def _read_ahead(principal: Principal, bucket: BucketInfo) -> None:
    await read_policy_ahead(bucket)
    if principal.session_policy:
        await kept_session_policies.read_ahead(principal.session_policy)


def may_without_bucket(call: AuthenticatedRequest, access: Access, action: str = "") -> bool:
    """Whether the caller may do what does not depend on a bucket: its right, and S3's action if it
    has one, in the cluster or with the name of a bucket to be created."""
    caller = call.caller
    if caller.is_root and not caller.session_policy:
        return True
    request = request_of(
        call, action, access, bucket=call.bucket, owner=caller.account, operation=call.operation
    )
    return allows_without_bucket(request)


def may_use(call: AuthenticatedRequest, bucket: BucketInfo) -> bool:
    """Whether the bucket is in the caller's list of buckets: an account sees its own buckets, a
    user those that it may look into."""
    caller = call.caller
    if not caller.is_user or caller.is_root:
        return caller.is_root or caller.account == bucket.owner
    asker = Caller(_without_session_policy(caller), call.site.cluster_id)
    if NARROWING_USERS.isdisjoint(bucket.settings) and asker.has_any(_LOOKING, bucket.name):
        return True
    looking = AccessCheck(call, bucket, Access.HEAD_BUCKET, operation="HeadBucket")
    check = looking.request("s3:ListBucket")
    request = replace(check, caller=asker, query={}, found_object=NO_OBJECT)
    listing = replace(request, access=Access.LIST_OBJECTS.value)
    rules = rules_of(bucket)
    return allows(request, rules) or allows(listing, rules)


def may_use_freely(principal: Principal, bucket: BucketInfo) -> bool:
    """Whether nothing can deny the principal anything in the bucket."""
    if principal.session_policy:
        return False
    if principal.is_root:
        return _ACCESS not in bucket.settings
    owns = principal.account == bucket.owner and principal.permissions is None
    return owns and _NARROWING.isdisjoint(bucket.settings)


def may_deliver_logs(bucket: BucketInfo, key: str, source: BucketInfo) -> bool:
    """Whether the server's own access logs of `source` may be written into the bucket: those of the
    owner unless its policy keeps the service `logging.s3.amazonaws.com` out, those of others when
    the policy lets it in, or the ACL the group LogDelivery."""
    return _may_deliver(LOGGING, bucket, key, source, {})


def may_deliver_inventories(bucket: BucketInfo, key: str, source: BucketInfo) -> bool:
    """Whether inventories of `source` may be written into the bucket, as it is with access logs;
    the service is `s3.amazonaws.com`."""
    # AWS' example of a policy has a condition on it.
    return _may_deliver(S3_ITSELF, bucket, key, source, {"x-amz-acl": "bucket-owner-full-control"})


def _may_deliver(
    service: str, bucket: BucketInfo, key: str, source: BucketInfo, headers: Mapping[str, str]
) -> bool:
    request = AccessRequest(
        caller=Caller(service=service),
        headers=headers,
        action="s3:PutObject",
        bucket=bucket.name,
        key=key,
        access=Access.PUT.value,
        operation="PutObject",
        now_s=now_s(),
        source_arn=f"{ARN}{source.name}",
        source_account=source.owner,
        owner=bucket.owner,
        is_secure=True,  # it never leaves the machine
        found_object=NO_OBJECT,
    )
    rules = rules_of(bucket)
    if bucket.owner == source.owner:
        return not denies(request, rules)
    return allows(request, rules)


def _without_session_policy(principal: Principal) -> Principal:
    """Return the principal without its session policy: that was already checked for listing
    buckets, and need not allow more for each of them."""
    session = principal.session
    if session is None or not session.policy:
        return principal
    return replace(principal, session=replace(session, policy=""))


def _check_owner(call: AuthenticatedRequest, bucket: BucketInfo, header: str) -> None:
    """Raise `AccessDenied` for another owner than the header expects, and
    `InvalidBucketOwnerAWSAccountID` for what no account has for its id. Where the owner's id is
    not one that AWS gives, any text could be another's."""
    expected = call.headers.get(header)
    if expected == ROOT_ACCOUNT_NUMBER:
        expected = ROOT_ACCOUNT
    if expected in (None, bucket.owner):
        return
    if not _ACCOUNT_NUMBER.fullmatch(expected) and call.site.accounts.account(expected) is None:
        if not _AS_AT_AWS.fullmatch(bucket.owner):
            raise S3Error(Code.AccessDenied)
        code = Code.InvalidBucketOwnerAWSAccountID
        raise S3Error(code, f"{code.message} [{expected}]")
    raise S3Error(Code.AccessDenied)


def _check_some_key(call: AuthenticatedRequest, info: BucketInfo, access: Access) -> None:
    """Refuse a caller who may not remove or put any key, before the keys are read."""
    rules = rules_of(info)
    check = AccessCheck(call, info, access, "*", operation=call.operation)
    request = check.request(needed(call.operation, None, {})[0])
    if call.caller.session_policy or allows(request, replace(rules, policy=None)):
        return
    if rules.policy is None or not rules.policy.may_allow(request):
        raise S3Error(Code.AccessDenied)


async def _check_acl(check: AccessCheck) -> None:
    """Check that the caller may set an ACL: an account may grant rights to what it writes, unless a
    policy denies it; a user needs the permission."""
    caller, headers = check.call.caller, check.call.headers
    if await check.denies("s3:PutObjectAcl"):
        raise S3Error(Code.AccessDenied)
    if caller.is_user and gives_rights(headers) and not await check.permits("s3:PutObjectAcl"):
        raise S3Error(Code.AccessDenied)


async def _source(
    call: AuthenticatedRequest, bucket: str, key: str, version: str | None
) -> AccessCheck:
    info = await call.store.head_bucket(bucket)
    _check_owner(call, info, _EXPECTED_SOURCE_OWNER)
    await _read_ahead(call.caller, info)
    return AccessCheck(call, info, Access.GET, key, version, call.operation)


async def _note_foreign_writer(call: AuthenticatedRequest, info: BucketInfo) -> None:
    """Note in the bucket that another account may write to it, before that account does."""
    foreign = call.caller.owns_what_it_writes and call.caller.account != info.owner
    noted = HoldsForeignObjects.setting_name in info.settings
    if foreign and not noted and not enforces_owner(info):
        await call.store.update_bucket(
            info.name, lambda bucket: with_setting(bucket, HoldsForeignObjects())
        )
