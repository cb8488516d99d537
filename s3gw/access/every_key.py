"""Rights to do something with all keys of a bucket at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from s3gw.access.actions import needed
from s3gw.access.check import AccessCheck
from s3gw.access.decide import allows, rules_of
from s3gw.access.gate import may_use_freely
from s3gw.access.policy import BucketPolicy
from s3gw.access.request import NO_OBJECT
from s3gw.identity.rights import Access
from storage.values import BucketInfo

if TYPE_CHECKING:
    from s3gw.http.request import AuthenticatedRequest


def may_with_every_key(
    call: AuthenticatedRequest, info: BucketInfo, access: Access, operation: str
) -> bool:
    """Whether the caller may do the operation with every key; `access` is the right it needs.

    False when the bucket or the session has a policy, for it may treat keys differently. Grants in
    the ACL of an object are about that object only and do not count here.
    """
    if may_use_freely(call.caller, info):
        return True
    if BucketPolicy.setting_name in info.settings or call.caller.session_policy:
        return False
    check = AccessCheck(call, info, access, "*", operation=operation)
    requests = [check.request(action) for action in needed(operation, None, {})]
    rules = rules_of(info)
    return all(allows(replace(each, found_object=NO_OBJECT), rules) for each in requests)
