"""The gate: every request passes it, between authentication and its operation.

It knows the store and the request; what it decides by is in `decide`. The owner of a bucket without
policy and without objects of others, which is nearly everybody, passes after one look at the
bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3gw.access.acl import from_text
from s3gw.access.actions import needed, sets_acl
from s3gw.access.decide import Rules, allows, denies, rules_of
from s3gw.access.ownership import HoldsForeignObjects, enforces_owner
from s3gw.access.policy import BucketPolicy
from s3gw.access.principals import LOGGING
from s3gw.access.request import ARN, NO_OBJECT, Caller, Fact, Needed, ObjectFacts, Request
from s3gw.access.rights import WITHOUT_BUCKET, Access
from s3gw.errors import Code, S3Error
from storage.clock import SystemClock
from storage.errors import ObjectNotFound, StorageError, UploadNotFound, VersionNotFound
from storage.settings import with_setting
from storage.values import BucketInfo, ReadOptions

if TYPE_CHECKING:
    from s3gw.accounts import Principal
    from s3gw.message import Call

_EXPECTED_OWNER = "x-amz-expected-bucket-owner"
_EXPECTED_SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
# Documents that can keep a bucket's owner from something.
_NARROWING = frozenset({BucketPolicy.setting_name, HoldsForeignObjects.setting_name})
# Decided for each of the keys that the document names, once it is read.
_BY_KEY = frozenset({"DeleteObjects", "PostObject"})
_DELETION = "DeleteObjects"
_WRITES = frozenset({"s3:PutObject"})
_MISSING = (ObjectNotFound, VersionNotFound)
_CLOCK = SystemClock()
_NS = 1_000_000_000


async def authorize(call: Call, access: Access) -> None:
    """Let the caller do what the request asks for, and remember the bucket that it names.

    Raises `AccessDenied`, `BucketNotFound`, and to those who may know, the storage's error for an
    object that is not there.
    """
    if access & WITHOUT_BUCKET:
        if call.caller.is_anonymous:
            raise S3Error(Code.AccessDenied)
        return
    info = call.bucket_info = await call.store.head_bucket(call.bucket)
    _check_owner(info, call.headers.get(_EXPECTED_OWNER))
    if may_use_freely(call.caller, info):
        return
    if call.operation in _BY_KEY:
        _check_some_key(call, info)
        return
    await authorize_key(call, call.operation, call.key)


async def authorize_key(call: Call, operation: str, key: str) -> None:
    """Let the caller do that operation on a key of the request's bucket. Raises as `authorize`."""
    info = _bucket_of(call)
    if may_use_freely(call.caller, info):
        return
    version = call.query.get("versionId")
    asked = _Question(call, info, key, version, operation)
    actions = needed(operation, version, call.headers)
    for action in actions:
        await asked.require(action)
    if sets_acl(operation, call.headers) and await asked.is_denied("s3:PutObjectAcl"):
        raise S3Error(Code.AccessDenied)
    if not _WRITES.isdisjoint(actions):
        await _note_foreign_writer(call, info)


async def authorize_source(call: Call, bucket: str, key: str, version: str | None = None) -> None:
    """Let the caller read what a copy names as its source. Raises as `authorize`."""
    asked = await _source(call, bucket, key, version)
    await asked.require("s3:GetObject" if version is None else "s3:GetObjectVersion")


async def authorize_copied_tags(
    call: Call, bucket: str, key: str, version: str | None = None
) -> None:
    """Let the caller take the tags of a copy's source along."""
    asked = await _source(call, bucket, key, version)
    await asked.require("s3:GetObjectTagging" if version is None else "s3:GetObjectVersionTagging")
    target = _Question(call, _bucket_of(call), call.key, None, call.operation)
    await target.require("s3:PutObjectTagging")


async def may_delete(call: Call, key: str, version: str | None) -> bool:
    """Whether DeleteObjects may remove that one of its keys."""
    info = _bucket_of(call)
    if may_use_freely(call.caller, info):
        return True
    asked = _Question(call, info, key, version, _DELETION)
    actions = needed(_DELETION, version, call.headers)
    return all([await asked.permits(action) for action in actions])


async def hide_missing(call: Call, bucket: str, key: str) -> None:
    """Keep from the caller that there is no such key, unless a listing could tell.

    Raises `AccessDenied`.
    """
    info = call.bucket_info
    if info is None or info.name != bucket:
        info = await call.store.head_bucket(bucket)
    if not await _Question(call, info, key).permits_listing():
        raise S3Error(Code.AccessDenied)


def may_use(principal: Principal, bucket: BucketInfo) -> bool:
    """Whether the bucket is in the principal's list of buckets."""
    return principal.is_root or principal.account == bucket.owner


def may_use_freely(principal: Principal, bucket: BucketInfo) -> bool:
    """Whether nothing at all can keep the principal from anything in the bucket."""
    owns = principal.account == bucket.owner and _NARROWING.isdisjoint(bucket.settings)
    return owns or principal.is_root


def may_deliver_logs(bucket: BucketInfo, key: str, source: BucketInfo) -> bool:
    """Whether the server's own access logs of `source` may be written into the bucket: those of the
    owner unless its policy keeps the service `logging.s3.amazonaws.com` out, those of others when
    the policy lets it in, or the ACL the group LogDelivery."""
    request = Request(
        caller=Caller(service=LOGGING),
        action="s3:PutObject",
        bucket=bucket.name,
        key=key,
        operation="PutObject",
        now_s=_CLOCK.now_ns() // _NS,
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


def _check_owner(bucket: BucketInfo, expected: str | None) -> None:
    if expected not in (None, bucket.owner):
        raise S3Error(Code.AccessDenied)


def _bucket_of(call: Call) -> BucketInfo:
    assert call.bucket_info is not None
    return call.bucket_info


def _check_some_key(call: Call, info: BucketInfo) -> None:
    """Who may remove nothing at all is not asked for the list."""
    rules = rules_of(info)
    request = _Question(call, info, "*", operation=call.operation).request(
        needed(call.operation, None, {})[0]
    )
    if rules.policy is None and not allows(request, rules):
        raise S3Error(Code.AccessDenied)


async def _source(call: Call, bucket: str, key: str, version: str | None) -> _Question:
    info = await call.store.head_bucket(bucket)
    _check_owner(info, call.headers.get(_EXPECTED_SOURCE_OWNER))
    return _Question(call, info, key, version, call.operation)


async def _note_foreign_writer(call: Call, info: BucketInfo) -> None:
    """Before an object can be there that is not the bucket owner's."""
    caller = call.caller
    foreign = not (caller.is_root or caller.is_anonymous or caller.account == info.owner)
    noted = HoldsForeignObjects.setting_name in info.settings
    if foreign and not noted and not enforces_owner(info):
        await call.store.update_bucket(
            info.name, lambda bucket: with_setting(bucket, HoldsForeignObjects())
        )


@dataclass(frozen=True, slots=True)
class _Question:
    """What the caller of a request may do with one key of one bucket, or with the bucket."""

    call: Call
    info: BucketInfo
    key: str
    version: str | None = None
    operation: str = ""

    async def require(self, action: str) -> None:
        """Raises `AccessDenied`; or that the object is not there, to those who may know."""
        missing: list[StorageError] = []
        if await self._ask(action, allows, missing):
            return
        if missing and await self.permits_listing():
            raise missing[0]
        raise S3Error(Code.AccessDenied)

    async def permits(self, action: str) -> bool:
        return await self._ask(action, allows, [])

    async def permits_listing(self) -> bool:
        """Whether a listing that begins with this key would be answered."""
        if may_use_freely(self.call.caller, self.info):
            return True
        asked = replace(self, key="", version=None, operation="ListObjectsV2")
        request = asked.request("s3:ListBucket")
        listing = replace(request, query={"prefix": self.key}, found_object=NO_OBJECT)
        return allows(listing, rules_of(self.info))

    async def is_denied(self, action: str) -> bool:
        return await self._ask(action, denies, [])

    async def _ask(
        self, action: str, answer: Callable[[Request, Rules], bool], missing: list[StorageError]
    ) -> bool:
        rules = rules_of(self.info)
        request = self.request(action)
        while True:
            try:
                return answer(request, rules)
            except Needed as needed:
                request = await self._with(request, needed.fact, missing)

    def request(self, action: str) -> Request:
        call, caller = self.call, self.call.caller
        return Request(
            caller=Caller(caller.account, caller.is_root, caller.is_anonymous),
            action=action,
            bucket=self.info.name,
            key=self.key,
            version=self.version,
            operation=self.operation,
            headers=call.headers,
            query=call.query,
            client=call.client,
            is_secure=call.is_secure,
            now_s=_CLOCK.now_ns() // _NS,
            region=call.services.region,
            owner=self.info.owner,
        )

    async def _with(self, request: Request, fact: Fact, missing: list[StorageError]) -> Request:
        call = self.call
        match fact:
            case Fact.DOCUMENT:
                return replace(request, found_document=await call.read_document())
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
