"""Buckets: create, find, list, describe, change and destroy them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from s3gw.access import Access, authorize, may_delete, usable
from s3gw.access.acl_headers import new_bucket_settings
from s3gw.access.bucket_access import bucket_access
from s3gw.access.gate import may_use_freely
from s3gw.access.policy import BucketPolicy
from s3gw.events.rules import is_notifying
from s3gw.http.reply import Reply
from s3gw.identity.permissions import ALL
from s3gw.native.answers import json_reply
from s3gw.native.bucket_props import Namespace, props_json
from s3gw.native.buckets.props_change import (
    gives_access,
    leads_elsewhere,
    with_changed_props,
    with_defaults,
    with_props,
)
from s3gw.native.buckets.remote import create_remote, destroy_remote
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.jobs.summary import SummaryWanted, bucket_with_summary
from s3gw.native.names import AIS, Bck, bck_of, check_new_bucket, is_asked
from s3gw.native.operation import operation, query, value
from s3gw.native.presence import is_here, is_outside
from s3gw.native.remote_buckets import Reference, buckets_of_clusters, connection
from s3gw.objects.object_lock import ObjectLockSetting
from s3gw.wire.errors import Code, S3Error
from storage.errors import BucketNotEmpty, BucketNotFound, StorageError
from storage.settings import setting
from storage.values import (
    BucketInfo,
    BucketOptions,
    DeleteRequest,
    Versioning,
    VersionQuery,
)

_PAGE = 1000


class ListedBucket(Struct, frozen=True):
    name: str
    provider: str = AIS
    namespace: Namespace = Namespace()


@operation(
    "POST",
    "buckets/{bucket}",
    action="create-bck",
    access=Access.CREATE_BUCKET,
    known_as="CreateBucket",
    is_audited=True,
)
class CreateBucket:
    """Create a bucket, here or in another cluster. One of a cloud is added here: if it is there,
    or, with `dont_head_remote_bck`, without a look."""

    props: dict[str, Any] | None = value(default=None)
    trusts: bool = query("dont_head_remote_bck", default=False)

    async def run(self, call: NativeCall) -> Reply:
        props = self.props or {}
        if not call.bck.is_ours:
            await create_remote(call, props, trusts=self.trusts)
            return Reply()
        check_new_bucket(call.bck.name)
        owner = call.caller.account
        settings = new_bucket_settings(call, await call.services.new_buckets.current())
        asked = with_props(BucketInfo(call.bucket, owner, 0, settings=settings), props)
        options = BucketOptions(owner, settings=asked.settings)
        await call.store.create_bucket(call.bucket, options)
        return Reply()


@operation("GET", "buckets", action="list", access=Access.LIST_BUCKETS, known_as="ListBuckets")
class ListBuckets:
    """List buckets. A name in the message selects the one bucket of that name."""

    presence: int = query("presence", default=0)
    provider: str = query("provider", default="")

    async def run(self, call: NativeCall) -> Reply:
        known = await call.store.list_buckets()
        found: list[Bck] = []
        if not is_outside(self.presence):
            meant = [each for each in known if self._is_meant(call, bck_of(each.name))]
            found = [bck_of(each.name) for each in await usable(call, meant)]
        if not is_here(self.presence) and call.caller.is_root:
            names = {bck_of(each.name) for each in known}
            found += [bck for bck in await self._remote(call) if bck not in names]
        return json_reply(
            [
                ListedBucket(bck.name, bck.provider, Namespace(bck.uuid, bck.namespace))
                for bck in sorted(found, key=_order)
            ]
        )

    async def _remote(self, call: NativeCall) -> list[Bck]:
        """Return the buckets of the backend that the query names."""
        if call.bck.provider == AIS and call.bck.uuid:
            return await buckets_of_clusters(call)
        if not call.bck.is_cloud:
            return []
        provider = call.bck.provider
        found = [Bck(name, provider) for name in await call.native.tier.buckets(provider)]
        return [bck for bck in found if self._is_meant(call, bck)]

    def _is_meant(self, call: NativeCall, bck: Bck) -> bool:
        """Whether the request wants it, by name, provider and namespace; an empty one matches
        all."""
        if call.message.name not in ("", bck.name):
            return False
        every = not self.provider and not call.bck.uuid and not call.bck.namespace
        return every or is_asked(call.bck, bck)


def _order(bck: Bck) -> tuple[str, ...]:
    return bck.provider, bck.uuid, bck.namespace, bck.name


@operation("HEAD", "buckets/{bucket}", access=Access.HEAD_BUCKET, known_as="HeadBucket")
class HeadBucket:
    presence: int = query("presence", default=0)
    bsumm_remote: bool | None = query("bsumm_remote", default=None)
    uuid: str = query("uuid", default="")
    dont_add: bool = query("dont_add_remote_bck_md", default=False)

    @property
    def reference(self) -> Reference:
        adds = not self.dont_add and not is_outside(self.presence)
        return Reference(adds=adds, looks=not is_here(self.presence))

    async def run(self, call: NativeCall) -> Reply:
        if self.bsumm_remote is not None:
            wanted = SummaryWanted(self.presence, "", self.uuid, here_only=not self.bsumm_remote)
            return await bucket_with_summary(call, wanted)
        if is_outside(self.presence) and not call.is_outside:
            raise BucketNotFound(call.bucket)
        return Reply(headers={"Ais-Bucket-Props": props_json(call.bucket_info)})


@operation(
    "PATCH",
    "buckets/{bucket}",
    action="set-bprops",
    access=Access.PATCH,
    known_as="PutBucketVersioning",
    is_audited=True,
)
class SetBucketProps:
    props: dict[str, Any] = value()

    async def run(self, call: NativeCall) -> Reply:
        if gives_access(self.props):
            await _authorize_access(call)
        if leads_elsewhere(self.props) and not call.caller.is_root:
            raise NativeError(403, "insufficient permissions: extra.aws is for administrators")
        mountpaths = len(call.native.node.folders) or 1
        props, connect = await connection(call, self.props)
        await call.store.update_bucket(
            call.bucket, lambda info: connect(with_changed_props(info, props, mountpaths))
        )
        return Reply()


@operation(
    "PATCH",
    "buckets/{bucket}",
    action="reset-bprops",
    access=Access.PATCH,
    known_as="PutBucketVersioning",
    is_audited=True,
)
class ResetBucketProps:
    """Set the properties back to those of a new bucket."""

    async def run(self, call: NativeCall) -> Reply:
        if bucket_access(call.bucket_info) != ALL:
            await _authorize_access(call)
        await call.native.settings.refresh()
        defaults = call.native.settings.in_force.new_buckets
        await call.store.update_bucket(call.bucket, lambda info: with_defaults(info, defaults))
        return Reply()


@operation(
    "DELETE",
    "buckets/{bucket}",
    action="destroy-bck",
    access=Access.DESTROY_BUCKET,
    known_as="DeleteBucket",
    is_audited=True,
)
class DestroyBucket:
    """Unlike S3, AIStore destroys a bucket with all its objects, and at once: the objects are
    removed afterwards. The right to destroy the bucket is enough, as in AIStore. A bucket with
    object lock is destroyed only when it is empty. Where each object matters by itself, because of
    a policy or of event notifications, the objects are removed one by one before the bucket is. A
    bucket of another cluster is destroyed there, one of HDFS is detached: its folder stays."""

    reference = Reference(adds=False)

    async def run(self, call: NativeCall) -> Reply:
        if not call.bck.is_ours:
            await destroy_remote(call)
            return Reply()
        with suppress(_ToldApart):
            await call.store.discard_bucket(call.bucket, lambda info: _as_one(call, info))
            return Reply()
        while True:
            try:
                await call.store.delete_bucket(call.bucket)
                return Reply()
            except BucketNotEmpty:
                if setting(call.bucket_info, ObjectLockSetting):
                    raise
            await _empty(call)


class _ToldApart(Exception):
    """The objects of the bucket cannot be removed all at once."""


def _as_one(call: NativeCall, info: BucketInfo) -> BucketInfo:
    """Return the bucket if its objects can be removed all at once; raise `_ToldApart` if not."""
    if setting(info, ObjectLockSetting) or is_notifying(info) or _is_judged(call, info):
        raise _ToldApart
    return info


def _is_judged(call: NativeCall, info: BucketInfo) -> bool:
    """Whether a policy may keep the caller from some of the objects."""
    if may_use_freely(call.caller, info):
        return False
    return BucketPolicy.setting_name in info.settings or bool(call.caller.session_policy)


async def _authorize_access(call: NativeCall) -> None:
    call.operation = "PutBucketAcl"
    await authorize(call, Access.SET_BUCKET_ACL)


async def _empty(call: NativeCall) -> None:
    """Remove all versions of all objects, each as if by its own request."""
    plain = call.bucket_info.versioning is Versioning.NEVER
    judged = _is_judged(call, call.bucket_info)
    while True:
        query = VersionQuery(limit=_PAGE)
        page = await call.store.list_versions(call.bucket, query)
        if not page.versions:
            return
        requests = [
            DeleteRequest(v.info.name, version=None if plain else v.info.version)
            for v in page.versions
        ]
        for request in requests:
            if judged and not await may_delete(call, request.name, request.version):
                raise S3Error(Code.AccessDenied)
        await _remove(call, requests)


async def _remove(call: NativeCall, requests: Sequence[DeleteRequest]) -> None:
    for outcome in await call.objects.delete_many(call.context, call.bucket_info, requests):
        if isinstance(outcome, StorageError):
            raise outcome
