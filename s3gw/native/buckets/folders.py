"""Folders of HDFS as buckets: attached by a property, detached without touching the folder.

A bucket of HDFS is created here with the property `extra.hdfs.ref_directory`, the path of a folder
that is there, and destroyed here; the folder and what is in it stay. An administrator does both:
the server reads the folder with its own rights in HDFS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.native.buckets.props_change import with_props
from s3gw.native.call import NativeCall
from s3gw.native.dotted_keys import flat, invalid, nested
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.names import check_new_bucket
from s3gw.native.remote_buckets import forget
from storage.backends import hdfs
from storage.errors import BucketNotFound
from storage.values import BucketInfo, BucketOptions

REF_DIRECTORY = "extra.hdfs.ref_directory"
_WHAT = "bucket property"


async def attach_folder(
    call: NativeCall, props: Mapping[str, Any], settings: Mapping[str, str]
) -> None:
    """Create the call's bucket for a folder. Raise 400 without one that is there, 403 for another
    caller than an administrator, and `BucketExists`."""
    _require_administrator(call)
    check_new_bucket(call.bck.name)
    given = dict(flat(props))
    folder = given.pop(REF_DIRECTORY, "")
    if not folder:
        missing = f"property {REF_DIRECTORY} must be specified when creating HDFS bucket"
        raise NativeError(400, f"{missing} {call.bck.cname()}")
    try:
        if not isinstance(folder, str):
            raise ValueError("it must be a text")
        folder = folder.rstrip("/") or "/"
        hdfs.check_folder(folder)
    except ValueError as error:
        raise invalid(_WHAT, REF_DIRECTORY, folder, str(error)) from None
    tier = call.native.tier
    try:
        there = hdfs.bucket_name(call.bck.name, folder)
        found = await tier.look(hdfs.PROVIDER, there, call.bck.name)
    except BucketNotFound:
        if hdfs.PROVIDER not in tier.backends:
            raise
        message = f'"{folder[:256]}" is not a folder of HDFS'
        raise NativeError(400, message, Tcode.REMOTE_BCK_NOT_FOUND) from None
    plain = BucketInfo(found.name, ROOT_ACCOUNT, 0, settings={**settings, **found.settings})
    made = with_props(plain, nested(given))
    await tier.local.create_bucket(found.name, BucketOptions(ROOT_ACCOUNT, settings=made.settings))


async def detach_folder(call: NativeCall) -> None:
    """Remove what is here of the call's bucket, and the bucket."""
    _require_administrator(call)
    await forget(call)


def _require_administrator(call: NativeCall) -> None:
    if not call.caller.is_root:
        reason = "only an administrator attaches and detaches folders of HDFS"
        raise NativeError(403, f"{call.bck.cname()}: {reason}", Tcode.BUCKET_DENIED)
