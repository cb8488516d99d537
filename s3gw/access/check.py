"""One access check: a caller, an action, and a bucket or key.

The decision itself is in `decide`. Here it gets its facts: most of them come from the request, and
the others are fetched when the decision needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from s3gw.access.acl import from_text
from s3gw.access.bucket_access import BucketAccess
from s3gw.access.decide import Rules, allows, denies, rules_of
from s3gw.access.policy import BucketPolicy
from s3gw.access.request import NO_OBJECT, AccessRequest, Caller, Fact, FactRequired, ObjectFacts
from s3gw.identity.rights import Access
from s3gw.wire.errors import Code, S3Error
from storage.clock import SystemClock
from storage.errors import ObjectNotFound, StorageError, UploadNotFound, VersionNotFound
from storage.values import BucketInfo, ReadOptions

if TYPE_CHECKING:
    from s3gw.http.request import AuthenticatedRequest

_MISSING = (ObjectNotFound, VersionNotFound)
# Documents that can keep a user from what its permissions allow.
NARROWING_USERS = frozenset({BucketPolicy.setting_name, BucketAccess.setting_name})
_CLOCK = SystemClock()
_NS = 1_000_000_000
# Additional actions that a request needs, and that are a different right.
RIGHTS = {
    "s3:BypassGovernanceRetention": Access.PATCH.value,
    "s3:PutBucketAcl": Access.SET_BUCKET_ACL.value,
    "s3:PutBucketObjectLockConfiguration": Access.PATCH.value,
    "s3:PutBucketOwnershipControls": Access.SET_BUCKET_ACL.value,
    "s3:PutBucketVersioning": Access.PATCH.value,
    "s3:PutObjectAcl": Access.UPDATE_OBJECT.value,
    "s3:PutObjectLegalHold": Access.UPDATE_OBJECT.value,
    "s3:PutObjectRetention": Access.UPDATE_OBJECT.value,
}


class AccessCheck(Struct, frozen=True):
    """`access` is the right that the operation declares."""

    call: AuthenticatedRequest
    info: BucketInfo
    access: Access
    key: str = ""
    version: str | None = None
    operation: str = ""

    async def require(self, action: str) -> None:
        """Raise `AccessDenied`, or the error for a missing object if the caller may know."""
        missing: list[StorageError] = []
        if self._is_settled(action) or await self._ask(action, allows, missing):
            return
        # A caller who may not write must not learn what exists.
        if missing and action != "s3:PutObject" and self.permits_listing():
            raise missing[0]
        raise S3Error(Code.AccessDenied)

    async def permits(self, action: str) -> bool:
        return self._is_settled(action) or await self._ask(action, allows, [])

    async def denies(self, action: str) -> bool:
        """Whether something denies the action, even if the caller owns the resource."""
        return await self._ask(action, denies, [])

    def permits_listing(self) -> bool:
        """Whether the caller may list with this key as the prefix."""
        check = replace(
            self, access=Access.LIST_OBJECTS, key="", version=None, operation="ListObjectsV2"
        )
        request = check.request("s3:ListBucket")
        listing = replace(request, query={"prefix": self.key}, found_object=NO_OBJECT)
        return allows(listing, rules_of(self.info))

    def request(self, action: str) -> AccessRequest:
        return request_of(
            self.call,
            action,
            self.access,
            bucket=self.info.name,
            owner=self.info.owner,
            key=self.key,
            version=self.version,
            operation=self.operation,
        )

    def _is_settled(self, action: str) -> bool:
        """Whether a user's permissions are enough, and nothing could narrow them: a shortcut to the
        result of `allows`, for nearly all requests of users."""
        principal = self.call.caller
        if principal.permissions is None or principal.session_policy:
            return False
        if not NARROWING_USERS.isdisjoint(self.info.settings):
            return False
        caller = Caller(principal, self.call.site.cluster_id)
        return caller.has(RIGHTS.get(action, self.access.value), self.info.name)

    async def _ask(
        self,
        action: str,
        answer: Callable[[AccessRequest, Rules], bool],
        missing: list[StorageError],
    ) -> bool:
        rules = rules_of(self.info)
        request = self.request(action)
        while True:
            try:
                return answer(request, rules)
            except FactRequired as needed:
                request = await self._with(request, needed.fact, missing)

    async def _with(
        self, request: AccessRequest, fact: Fact, missing: list[StorageError]
    ) -> AccessRequest:
        match fact:
            case Fact.DOCUMENT:
                return replace(request, found_document=await self.call.read_document())
            case Fact.INITIATOR:
                return replace(request, found_initiator=await self._initiator())
            case Fact.OBJECT:
                try:
                    found = await self._object()
                except _MISSING as error:
                    missing.append(error)
                    found = NO_OBJECT
                return replace(request, found_object=found)

    async def _object(self) -> ObjectFacts:
        if not self.key:
            return NO_OBJECT
        options = ReadOptions(version=self.version)
        reading = await self.call.store.head_object(self.info.name, self.key, options)
        attributes = reading.info.attributes
        return ObjectFacts(attributes.owner, from_text(attributes.acl), attributes.tags)

    async def _initiator(self) -> str:
        upload_id = self.call.query.get("uploadId", "")
        try:
            return (await self.call.store.head_upload(self.info.name, self.key, upload_id)).owner
        except UploadNotFound:
            return ""


def request_of(
    call: AuthenticatedRequest,
    action: str,
    access: Access,
    *,
    bucket: str = "",
    owner: str = "",
    key: str = "",
    version: str | None = None,
    operation: str = "",
) -> AccessRequest:
    """Return the caller's request for the action; `access` is the right that the operation
    declares."""
    return AccessRequest(
        caller=Caller(call.caller, call.site.cluster_id),
        action=action,
        access=RIGHTS.get(action, access.value),
        bucket=bucket,
        key=key,
        version=version,
        operation=operation,
        headers=call.headers,
        query=call.query,
        client=call.client,
        is_secure=call.is_secure,
        now_s=now_s(),
        region=call.site.region,
        owner=owner,
    )


def now_s() -> int:
    return _CLOCK.now_ns() // _NS
