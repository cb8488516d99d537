"""Buckets of backends: added here by their creation, created and destroyed in other clusters.

A bucket of a cloud is neither created nor destroyed there, as in AIStore. One of another cluster
is, by that cluster, with the rights of the token that this server has for it; the caller needs the
rights to create and destroy buckets here. One of HDFS is a folder that is attached (`folders`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.native.buckets.folders import attach_folder, detach_folder
from s3gw.native.buckets.props_change import with_props
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.names import AIS, check_new_bucket
from s3gw.native.remote_buckets import forget, is_folder, new_settings
from s3gw.native.services import RemoteAis
from storage.backends import hdfs
from storage.backends import http as web
from storage.errors import BucketNotFound
from storage.values import BucketInfo, BucketOptions


async def create_remote(call: NativeCall, props: Mapping[str, Any], *, trusts: bool) -> None:
    """Add the backend's bucket that the call names, with these properties; one that `trusts` does
    so without a look at the cloud. One of another cluster is created there, and these are its
    properties there. Raise 403, 404, 409 and 501."""
    if call.bck.provider == AIS:
        await _create_there(call, props, trusts=trusts)
        return
    if call.bck.provider == hdfs.PROVIDER:
        await attach_folder(call, props, await new_settings(call))
        return
    if props and not call.caller.is_root:
        # The bucket is to be the root account's, as is each that is added by its first use.
        message = f"only administrators set properties of {call.bck.cname()}"
        raise NativeError(403, message, Tcode.BUCKET_DENIED)
    unseen = _unseen(call)
    settings = {**await new_settings(call), **unseen.settings}
    asked = with_props(replace(unseen, settings=settings), props)
    if not trusts:
        await _require_there(call, asked)
    options = BucketOptions(ROOT_ACCOUNT, settings=asked.settings)
    await call.native.tier.local.create_bucket(asked.name, options)


async def destroy_remote(call: NativeCall) -> None:
    """Destroy a bucket of another cluster there, with all that is in it, and then here; detach one
    of HDFS. Raise 501 for one of a cloud."""
    if is_folder(call.bucket_info):
        await detach_folder(call)
        return
    if call.bck.provider != AIS:
        raise unsupported(f"destroying {call.bck.cname()}, a bucket of a cloud,")
    await _clusters(call).backend.destroy_bucket(call.bck.there)
    if not call.is_outside:
        with suppress(BucketNotFound):
            await forget(call)


async def _create_there(call: NativeCall, props: Mapping[str, Any], *, trusts: bool) -> None:
    if trusts:
        raise unsupported(f"skipping the lookup of {call.bck.cname()}")
    check_new_bucket(call.bck.name)
    tier, bck = call.native.tier, call.bck
    await _clusters(call).backend.create_with(bck.there, props)
    found = await tier.look(bck.provider, bck.there)
    await tier.add(found, ROOT_ACCOUNT, await new_settings(call))


def _clusters(call: NativeCall) -> RemoteAis:
    if call.native.remote is None or not call.bck.is_cloud:
        raise BucketNotFound(call.bucket)
    return call.native.remote


def _unseen(call: NativeCall) -> BucketInfo:
    """Return the cloud's bucket that the call names. Raise 501 where there is no such cloud."""
    bck, tier = call.bck, call.native.tier
    if bck.provider == web.PROVIDER or not bck.is_cloud or bck.provider not in tier.backends:
        raise unsupported(f"creating {bck.cname()}")
    return tier.unseen(bck.provider, bck.there)


async def _require_there(call: NativeCall, bucket: BucketInfo) -> None:
    """Look at the cloud, where the bucket's properties say. Raise 501 for one that is not there: it
    is not created."""
    try:
        await call.native.tier.seen(bucket)
    except BucketNotFound:
        named = call.bck.cname()
        message = f'{call.bck.provider} bucket "{named}" does not exist, and is not created there'
        raise NativeError(501, message, Tcode.REMOTE_BCK_NOT_FOUND) from None
