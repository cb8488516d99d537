"""Remote buckets of native calls."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from s3gw.config.bucket_properties import BucketProperties, properties_of, with_property
from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, no_backend
from s3gw.native.names import Bck, read_provider
from storage.clock import NS_PER_S
from storage.errors import BucketNotFound
from storage.settings import encoded, setting, with_setting, without_setting
from storage.tier import RemoteBucket
from storage.values import NULL_VERSION, BucketInfo, ObjectInfo

_BACKEND = "backend_bck"
_MD5 = re.compile("[0-9a-f]{32}")


async def learn_bucket(call: NativeCall) -> None:
    """Add the backend's bucket that the call names, unless it is known. It belongs to the root
    account. Raise `BucketNotFound` for one that is nowhere, and where the caller is nobody."""
    bck = call.bck
    if not bck.is_cloud or call.caller.is_anonymous:
        raise BucketNotFound(call.bucket)
    settings = await call.services.new_buckets.current()
    evicted = with_property(_properties_in(settings), "lru.enabled", value=True)
    settings = {**settings, BucketProperties.setting_name: encoded(evicted)}
    await call.native.tier.learn(bck.provider, bck.name, ROOT_ACCOUNT, settings)


def _properties_in(settings: Mapping[str, str]) -> BucketProperties:
    return properties_of(BucketInfo("", "", 0, settings=dict(settings)))


async def connection(
    call: NativeCall, props: Mapping[str, Any]
) -> tuple[dict[str, Any], Callable[[BucketInfo], BucketInfo]]:
    """Return the properties without `backend_bck`, and the change of the bucket's settings that it
    is: one of our own buckets may stand for a backend's, and an empty name ends that."""
    rest = {name: value for name, value in props.items() if name != _BACKEND}
    asked = props.get(_BACKEND)
    if asked in ("", "none"):
        return rest, lambda info: without_setting(info, RemoteBucket)
    if not isinstance(asked, dict):
        return dict(props), lambda info: info
    name, provider = asked.get("name") or "", asked.get("provider") or ""
    if not name and not provider:
        return rest, lambda info: without_setting(info, RemoteBucket)
    if not isinstance(name, str) or not isinstance(provider, str) or not call.bck.is_ours:
        raise NativeError(400, f'cannot connect "{call.bck.cname()}" with another bucket')
    bck = Bck(name, read_provider(provider))
    if not bck.is_cloud:
        raise NativeError(400, f'"{bck.cname()}" is not a bucket of a backend')
    try:
        await call.native.tier.look(bck.provider, bck.name)
    except BucketNotFound:
        message = f'bucket "{bck.cname()}" does not exist'
        raise NativeError(404, message, Tcode.REMOTE_BCK_NOT_FOUND) from None
    return rest, lambda info: with_setting(info, RemoteBucket(bck.provider, bck.name))


async def is_object_here(call: NativeCall) -> bool:
    """Whether the call's object is in the local store; of a bucket without a backend all are."""
    if not is_remote(call):
        return True
    return await call.native.tier.is_here(call.bucket_info, call.key)


def require_backend(call: NativeCall, what: str) -> None:
    """Raise 400 for a bucket that is the only place of its objects."""
    if not is_remote(call):
        raise no_backend(call.bck.cname(), what)


def is_remote(call: NativeCall) -> bool:
    return RemoteBucket.setting_name in call.bucket_info.settings


def remote_pairs(call: NativeCall, info: ObjectInfo) -> list[tuple[str, str]]:
    """Return what AIStore says of an object of a backend among its custom metadata."""
    document = setting(call.bucket_info, RemoteBucket)
    if document is None:
        return []
    pairs = [("source", document.provider), ("ETag", info.etag)]
    kept = info.checksum
    if _MD5.fullmatch(info.etag):
        pairs.append(("md5", info.etag))
    elif kept is not None and kept.algorithm == "MD5":
        pairs.append(("md5", a2b_base64(kept.value).hex()))
    if info.version != NULL_VERSION:
        pairs.append(("version", info.version))
    if content_type := info.attributes.headers.get("content-type"):
        pairs.append(("Content-Type", content_type))
    modified = datetime.fromtimestamp(info.modified_ns // NS_PER_S, UTC)
    # AIStore's other spelling, `Last-Modified`, has a comma, by which its clients split the pairs.
    return [*pairs, ("LastModified", f"{modified:%Y-%m-%dT%H:%M:%SZ}")]
