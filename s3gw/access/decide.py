"""The access decision, as one pure function; docs/access.md has it in prose.

1. What the policy of the caller's session does not allow is refused, to every caller.
2. What the bucket's `access` attribute leaves out is refused, to every caller.
3. The root account of the server may do everything else.
4. What the bucket's policy denies is denied, to the bucket's owner too; but the owner can always
   read, replace and remove the policy itself.
5. A user may do what its permissions allow. That its account owns something gives it nothing.
6. An account may do everything with what it owns. The bucket's owner owns the bucket and the names
   in it; the object's owner decides about its content and its ACL.
7. What the policy allows is allowed on what the bucket's owner owns, unless the policy is public
   and the bucket is restricted.
8. What an ACL grants is allowed, unless ACLs are off, or public grants are ignored.
9. The initiator of a multipart upload may list its parts and abort it.
"""

from __future__ import annotations

from msgspec import Struct

from s3gw.access.acl import (
    BY_BUCKET_ACL,
    BY_OBJECT_ACL,
    PUBLIC_GROUPS,
    BucketAcl,
    Grants,
    Group,
    Permission,
    full_control,
    grants_to_account,
    grants_to_group,
)
from s3gw.access.bucket_access import ALWAYS_ANYONES, ALWAYS_ROOTS, bucket_access
from s3gw.access.ownership import HoldsForeignObjects, enforces_owner
from s3gw.access.policy import BucketPolicy, Policy, Verdict, kept_policies
from s3gw.access.principals import LOGGING
from s3gw.access.public_access import NO_BLOCK, PublicAccessBlock, is_public_policy
from s3gw.access.request import AccessRequest, Caller
from s3gw.access.session import session_allows
from s3gw.identity.permissions import ALL
from s3gw.identity.rights import Access
from storage.settings import setting
from storage.values import BucketInfo

# Owners cannot lock themselves out of their own bucket.
_OF_THE_POLICY = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
# The object's owner decides about these, and not the bucket's.
_OF_THE_OBJECT = frozenset(BY_OBJECT_ACL) | {
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
}
_OF_THE_UPLOAD = frozenset({"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"})
_NOBODY: frozenset[Group] = frozenset()
# What every account may do without a bucket.
_OF_ANY_ACCOUNT = (Access.LIST_BUCKETS | Access.CREATE_BUCKET | Access.SHOW_CLUSTER).value


class Rules(Struct, frozen=True):
    """The rules that a bucket's owner set. `acl_grants` None: ACLs are ignored. `access` are the
    bits that the bucket's mask permits."""

    owner: str
    policy: Policy | None = None
    acl_grants: Grants | None = ()
    block: PublicAccessBlock = NO_BLOCK
    holds_foreign_objects: bool = False
    access: int = ALL


def rules_of(bucket: BucketInfo) -> Rules:
    policy = setting(bucket, BucketPolicy)
    acl = setting(bucket, BucketAcl)
    enforced = enforces_owner(bucket)
    return Rules(
        owner=bucket.owner,
        policy=kept_policies.get(policy.text, bucket.name) if policy else None,
        acl_grants=None if enforced else acl.grants if acl else full_control(bucket.owner),
        block=setting(bucket, PublicAccessBlock) or NO_BLOCK,
        holds_foreign_objects=not enforced and setting(bucket, HoldsForeignObjects) is not None,
        access=bucket_access(bucket),
    )


def allows(request: AccessRequest, rules: Rules) -> bool:
    """Whether the request is allowed. Raises `FactRequired` when that depends on a fact that has
    not been fetched."""
    caller = request.caller
    if _is_closed(request, rules) or not session_allows(request):
        return False
    if caller.is_root:
        return True
    verdict = rules.policy.verdict(request) if rules.policy else Verdict.NONE
    if verdict is Verdict.DENY:
        return _owns(caller, rules.owner) and request.action in _OF_THE_POLICY
    if caller.has(request.access, request.bucket):
        return True
    owner = _owner(request, rules)
    if _owns(caller, owner):
        return True
    if verdict is Verdict.ALLOW and owner == rules.owner and not _is_restricted(caller, rules):
        return True
    return _granted(request, rules) or _began_upload(request)


def denies(request: AccessRequest, rules: Rules) -> bool:
    """Whether the bucket's policy, or the session's, denies it, whatever else allows it. Raises as
    `allows`."""
    if not session_allows(request):
        return True
    if rules.policy is None or request.caller.is_root:
        return False
    return rules.policy.verdict(request) is Verdict.DENY


def allows_without_bucket(request: AccessRequest) -> bool:
    """Whether an action outside buckets, or in a bucket to be created, is allowed. Raises as
    `allows`."""
    caller = request.caller
    if caller.is_anonymous or not session_allows(request):
        return False
    if caller.is_root:
        return True
    if caller.is_user:
        return caller.has(request.access, request.bucket)
    own = request.operation == "CreateBucket"
    return caller.signed and (own or request.access & ~_OF_ANY_ACCOUNT == 0)


def _is_closed(request: AccessRequest, rules: Rules) -> bool:
    missing = request.access & ~rules.access
    if missing and request.caller.is_root:
        is_unproven = request.caller.principal.is_unproven
        missing &= ~(ALWAYS_ANYONES if is_unproven else ALWAYS_ROOTS)
    return missing != 0


def _owns(caller: Caller, owner: str) -> bool:
    return caller.account == owner and not caller.is_user


def _owner(request: AccessRequest, rules: Rules) -> str:
    """Return the owner who decides about the action."""
    if rules.holds_foreign_objects and request.action in _OF_THE_OBJECT:
        return request.object.owner or rules.owner
    return rules.owner


def _is_restricted(caller: Caller, rules: Rules) -> bool:
    """Whether the bucket is restricted for the caller: then a public policy lets in only the
    server's own services, and users of the account that owns the bucket."""
    outside = not caller.service and caller.account != rules.owner
    restricted = rules.block.restrict_public_buckets and outside
    return restricted and rules.policy is not None and is_public_policy(rules.policy)


def _granted(request: AccessRequest, rules: Rules) -> bool:
    if rules.acl_grants is None:
        return False
    permission = BY_BUCKET_ACL.get(request.action)
    if permission is not None:
        return _grants(rules.acl_grants, permission, request.caller, rules.block)
    permission = BY_OBJECT_ACL.get(request.action)
    if permission is None:
        return False
    return _grants(request.object.grants or (), permission, request.caller, rules.block)


def _grants(
    grants: Grants, permission: Permission, caller: Caller, block: PublicAccessBlock
) -> bool:
    groups = _groups(caller)
    if block.ignore_public_acls:
        groups -= PUBLIC_GROUPS
    if groups and grants_to_group(grants, groups, permission):
        return True
    is_account = caller.signed and not caller.is_user
    return is_account and grants_to_account(grants, caller.account, permission)


def _groups(caller: Caller) -> frozenset[Group]:
    if caller.service:
        return frozenset({Group.LOG_DELIVERY}) if caller.service == LOGGING else _NOBODY
    if caller.is_anonymous:
        return frozenset({Group.ALL_USERS})
    return PUBLIC_GROUPS


def _began_upload(request: AccessRequest) -> bool:
    return (
        request.caller.signed
        and request.action in _OF_THE_UPLOAD
        and request.initiator == request.caller.principal.identity
    )
