"""Target bucket of a job: found, or created."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from s3gw.access import Access, may_without_bucket
from s3gw.access.acl_headers import new_bucket_settings
from s3gw.native.bucket_props import with_props_of
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, as_native_error, no_bucket
from s3gw.native.names import Bck, check_new_bucket, read_namespace, read_provider
from s3gw.native.remote_buckets import learn_bucket
from storage.errors import BucketExists, BucketNotFound
from storage.values import BucketInfo, BucketOptions

_UNAME = re.compile(r"([a-z0-9]*)/(@[^/]*)/([^/]+)/?")


class BckNamespace(Struct, frozen=True):
    uuid: str = ""
    name: str = ""


class BckMessage(Struct, frozen=True):
    """A bucket as messages name it."""

    name: str = ""
    provider: str = ""
    namespace: BckNamespace | None = None

    def bck(self, call: NativeCall) -> Bck:
        """Return the bucket's full name. Raise 400."""
        if "/" in self.name:
            raise NativeError(400, f'invalid bucket name "{self.name[:64]}"')
        space = self.namespace or BckNamespace()
        uuid, name = read_namespace(f"@{space.uuid}#{space.name}", call.known_clusters)
        return Bck(self.name, read_provider(self.provider), uuid, name)


def read_uname(text: str, call: NativeCall) -> Bck:
    """Parse `provider/@uuid#namespace/bucket/`. Raise 400."""
    match = _UNAME.fullmatch(text)
    if match is None:
        raise NativeError(400, f'invalid bucket "{text[:128]}": provider/@#/name/ is one')
    uuid, name = read_namespace(match[2], call.known_clusters)
    return Bck(match[3], read_provider(match[1]), uuid, name)


def read_object_uname(text: str, call: NativeCall) -> tuple[Bck, str]:
    """Parse `provider/@uuid#namespace/bucket/object`: the bucket and the object's name. Raise
    400."""
    parts = text.split("/", 3)
    if len(parts) < 4 or not parts[3]:
        raise NativeError(400, f'invalid object "{text[:128]}": provider/@#/bucket/object is one')
    return read_uname("/".join(parts[:3]), call), parts[3]


async def call_about(call: NativeCall, bck: Bck, operation: str) -> NativeCall:
    """Return the call as one about the bucket, by that operation of S3. Raise 404."""
    inside = replace(call, bck=bck, bucket=bck.stored, key="", operation=operation)
    try:
        if not bck.is_ours:
            await learn_bucket(inside)
        inside.bucket_info = await call.store.head_bucket(bck.stored)
    except BucketNotFound:
        raise no_bucket(bck) from None
    return inside


async def find_target(
    call: NativeCall, bck: Bck, *, make: bool, like: BucketInfo | None = None
) -> BucketInfo:
    """Return the bucket. A missing one is created, with the properties of another if it is to be
    like that, or only described: a caller who may create it may write what the job copies into
    it, whatever the inherited `access` keeps out later. One of a backend has to be there. Raise
    400, 403 and 404."""
    if not bck.is_ours:
        return await _of_backend(call, bck)
    try:
        return await call.store.head_bucket(bck.stored)
    except BucketNotFound:
        described = await _described(call, bck)
        if not make:
            return described
        return await _make(call, with_props_of(described, like) if like else described)


async def _of_backend(call: NativeCall, bck: Bck) -> BucketInfo:
    target = replace(call, bck=bck, bucket=bck.stored, key="")
    try:
        await learn_bucket(target)
        return await call.store.head_bucket(bck.stored)
    except BucketNotFound as error:
        raise as_native_error(error, target) from None


async def _described(call: NativeCall, bck: Bck) -> BucketInfo:
    check_new_bucket(bck.name)
    require_creating(call, bck)
    defaults = await call.services.new_buckets.current()
    settings = new_bucket_settings(replace(call, bucket=bck.stored), defaults)
    return BucketInfo(bck.stored, call.caller.account, 0, settings=settings)


async def _make(call: NativeCall, new: BucketInfo) -> BucketInfo:
    options = BucketOptions(new.owner, settings=new.settings)
    try:
        return await call.store.create_bucket(new.name, options)
    except BucketExists:
        return await call.store.head_bucket(new.name)


def require_creating(call: NativeCall, bck: Bck) -> None:
    """Raise 403 unless the caller may create that bucket."""
    making = replace(call, bck=bck, bucket=bck.stored)
    if not may_without_bucket(making, Access.CREATE_BUCKET, "s3:CreateBucket"):
        message = f'bucket "{bck.cname()}": access denied: CREATE-BUCKET needed'
        raise NativeError(403, message, Tcode.BUCKET_DENIED)
