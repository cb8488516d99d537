"""Remote buckets of native calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cluster.snapshots.kept import Snapshots
from s3gw.config.bucket_properties import BucketProperties, properties_of, with_property
from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.native.actmsg import json, read_value
from s3gw.native.bucket_props import Namespace as BckNamespace
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, no_backend, unsupported
from s3gw.native.names import REMOTE, Bck, bck_there, is_asked, read_namespace, read_provider
from storage.backends import hdfs
from storage.backends import http as web
from storage.clock import NS_PER_S
from storage.errors import BackendDenied, BucketNotFound, LengthUnknown
from storage.settings import encoded, setting, with_setting, without_setting
from storage.tier import RemoteBucket
from storage.tier.remote import md5_of, provider_of
from storage.values import NULL_VERSION, BucketInfo, ObjectInfo

_BACKEND = "backend_bck"
ORIGINAL_URL = "original_url"


class Reference(Struct, frozen=True):
    """How a request refers to a bucket of a backend that is not known here: whether it `looks` at
    the backend, and `adds` the bucket that is there. One that `trusts` adds a bucket although the
    backend does not let this server look, as public buckets are that can be read and listed
    only."""

    adds: bool = True
    looks: bool = True
    trusts: bool = False


PLAIN = Reference()


async def learn_bucket(call: NativeCall, reference: Reference = PLAIN) -> BucketInfo | None:
    """Add the backend's bucket that the call names, unless it is known. It belongs to the root
    account. Return it if it is there, and is not known and not to be added. Raise `BucketNotFound`
    for one that is nowhere, and for anonymous callers."""
    bck, tier = call.bck, call.native.tier
    if not bck.is_cloud or call.caller.is_anonymous:
        raise BucketNotFound(call.bucket)
    if bck.provider == web.PROVIDER and call.origin.query.get(ORIGINAL_URL):
        await _learn_directory(call, await new_settings(call))
        return None
    with suppress(BucketNotFound):
        await tier.local.head_bucket(bck.stored)
        return None
    if not reference.looks:
        raise BucketNotFound(call.bucket)
    try:
        found = await tier.look(bck.provider, bck.there)
    except BackendDenied:
        if not (reference.trusts and reference.adds):
            raise
        found = tier.unseen(bck.provider, bck.there)
    if reference.adds:
        await tier.add(found, ROOT_ACCOUNT, await new_settings(call))
        return None
    defaults = await call.services.new_buckets.current()
    outside = {**defaults, **found.settings}
    return replace(found, owner=ROOT_ACCOUNT, created_ns=0, settings=outside)


async def new_settings(call: NativeCall) -> dict[str, str]:
    """Return the settings that a bucket of a backend begins with: objects of it may be evicted."""
    settings = await call.services.new_buckets.current()
    evicted = with_property(_properties_in(settings), "lru.enabled", value=True)
    return {**settings, BucketProperties.setting_name: encoded(evicted)}


async def _learn_directory(call: NativeCall, settings: Mapping[str, str]) -> None:
    """Add the bucket of the call's original URL, unless it is known or its server does not have
    the object."""
    link = named_link(call, call.origin.query[ORIGINAL_URL])
    tier = call.native.tier
    with suppress(BucketNotFound):
        await tier.local.head_bucket(call.bucket)
        return
    found = await tier.look(web.PROVIDER, link.directory.url, link.directory.bucket)
    with suppress(LengthUnknown):
        await tier.backend(web.PROVIDER).head_object(link.directory.url, link.name)
    await tier.add(found, ROOT_ACCOUNT, settings)


def named_link(call: NativeCall, url: str) -> web.Link:
    """Return the object of an original URL, which is the one that the call names. Raise 400."""
    try:
        link = web.read_url(url)
    except web.BadUrl as error:
        raise NativeError(400, f"invalid {ORIGINAL_URL}: {error}") from None
    named = Bck(link.directory.bucket, web.PROVIDER)
    if (call.bck, call.key) != (named, link.name):
        message = f"{ORIGINAL_URL} is of another object: its bucket is {named.cname()}"
        raise NativeError(400, message)
    return link


def require_same_url(call: NativeCall, url: str) -> None:
    """Raise 400 unless the original URL, if there is one, is that of the call's object, in the
    directory that is known of its bucket: names can be made to coincide, URLs cannot."""
    if not url:
        return
    if call.bck.provider != web.PROVIDER:
        raise unsupported(f'query parameter "{ORIGINAL_URL}" of {call.bck.provider} buckets')
    document = setting(call.bucket_info, RemoteBucket)
    if document is None or document.name != named_link(call, url).directory.url:
        known = document.name if document else "no URL"
        raise NativeError(400, f"bucket {call.bck.cname()} is {known}: evict it to learn another")


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
    space = read_value(BckNamespace, json(asked.get("namespace") or {}))
    uuid, namespace = read_namespace(f"@{space.uuid}#{space.name}", call.known_clusters)
    bck = Bck(name, read_provider(provider), uuid, namespace)
    if not bck.is_cloud:
        raise NativeError(400, f'"{bck.cname()}" is not a bucket of a backend')
    try:
        document = await _document_of(call, bck)
    except BucketNotFound:
        message = f'bucket "{bck.cname()}" does not exist'
        raise NativeError(404, message, Tcode.REMOTE_BCK_NOT_FOUND) from None
    return rest, lambda info: with_setting(info, document)


async def _document_of(call: NativeCall, bck: Bck) -> RemoteBucket:
    """Return what connects a bucket with the backend's. Raise `BucketNotFound`."""
    tier = call.native.tier
    if bck.provider == web.PROVIDER:
        # Only what was learnt has a URL.
        known = setting(await tier.local.head_bucket(bck.stored), RemoteBucket)
        return known or RemoteBucket(bck.provider, bck.name)
    if bck.provider == hdfs.PROVIDER:
        with suppress(BucketNotFound):
            known = setting(await tier.local.head_bucket(bck.stored), RemoteBucket)
            if known is not None:
                return known
    await tier.look(bck.provider, bck.there)
    return RemoteBucket(bck.provider, bck.there)


async def buckets_of_clusters(call: NativeCall) -> list[Bck]:
    """Return the buckets of the cluster that the call names, or of all that are attached. Raise
    `ClusterNotAttached`."""
    remote, asked = call.native.remote, call.bck
    if remote is None:
        return []
    if asked.uuid == REMOTE:
        found = await remote.backend.list_buckets()
    else:
        found = await remote.backend.buckets_of(asked.uuid)
    named = [bck_there(asked.provider, each.name) for each in found]
    return [bck for bck in named if is_asked(asked, bck)]


async def is_object_here(call: NativeCall) -> bool:
    """Whether the call's object is in the local store; of a bucket without a backend all are."""
    if not is_remote(call):
        return True
    return await call.native.tier.is_here(call.bucket_info, call.key)


async def forget(call: NativeCall, *, keep: bool = False) -> None:
    """Remove here all that is of the call's bucket; unless told to `keep` it, the bucket itself and
    its inventories too."""
    tier = call.native.tier
    await tier.forget(call.bucket_info, keep=keep)
    if not keep:
        await Snapshots(tier.local).remove_all(call.bck.uname)


def require_backend(call: NativeCall, what: str) -> None:
    """Raise 400 for a bucket that is the only place of its objects."""
    if not is_remote(call):
        raise no_backend(call.bck.cname(), what)


def is_remote(call: NativeCall) -> bool:
    return RemoteBucket.setting_name in call.bucket_info.settings


def is_folder(bucket: BucketInfo) -> bool:
    """Whether the bucket is a folder of HDFS."""
    return provider_of(bucket.name) == hdfs.PROVIDER


def remote_pairs(call: NativeCall, info: ObjectInfo) -> list[tuple[str, str]]:
    """Return what AIStore says of an object of a backend among its custom metadata."""
    document = setting(call.bucket_info, RemoteBucket)
    if document is None:
        return []
    pairs = [("source", document.provider), ("ETag", info.etag)]
    if document.provider == web.PROVIDER:
        pairs.append(("orig_url", web.Directory(document.name).url_of(info.name).partition("?")[0]))
    if md5 := md5_of(info):
        pairs.append(("md5", md5))
    if info.version != NULL_VERSION:
        pairs.append(("version", info.version))
    if content_type := info.attributes.headers.get("content-type"):
        pairs.append(("Content-Type", content_type))
    modified = datetime.fromtimestamp(info.modified_ns // NS_PER_S, UTC)
    # AIStore's other spelling, `Last-Modified`, has a comma, by which its clients split the pairs.
    return [*pairs, ("LastModified", f"{modified:%Y-%m-%dT%H:%M:%SZ}")]
