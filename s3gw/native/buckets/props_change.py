"""Changes of bucket properties, and resets.

Setting a property to the value that it has is not a change. What the server cannot do is refused by
the property's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from s3gw.access.bucket_access import with_access
from s3gw.config.bucket_properties import (
    PROPERTIES,
    problem_together,
    properties_of,
    with_properties,
    with_property,
)
from s3gw.config.kept_properties import ErasureCoding
from s3gw.config.runtime import NewBuckets
from s3gw.config.types import Choice, SettingType, Wire
from s3gw.native.bucket_props import EVERYTHING, props_of
from s3gw.native.dotted_keys import (
    flat,
    invalid,
    read_value_of,
    require_unchanged,
    unknown,
)
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.names import bck_of
from storage.values import BucketInfo

_WHAT = "bucket property"
_ACCESS = "access"
_BACKEND = "backend_bck"
# AIStore's word for continuing where it would warn; nothing here depends on it.
_FORCE = "force"
_READ_ONLY = frozenset({"provider", "Renamed", "bid", "created", "extra.hdfs.ref_directory"})
# Types of properties that have one value here, to refuse a value of another type.
_TYPES: Mapping[str, SettingType] = {
    "write_policy.data": Choice(("immediate", "delayed", "never")),
}

_TARGETS = 1


def with_props(bucket: BucketInfo, given: Mapping[str, Any]) -> BucketInfo:
    """Return the bucket with all of the given properties changed. Raise 400 for an unknown property
    or an invalid value, also of a bucket that would need more targets, and 501 for a value that the
    server does not support; then nothing changes."""
    shown: dict[str, Wire] = dict(flat(msgspec.to_builtins(props_of(bucket))))
    kept = properties_of(bucket)
    for name, value in flat(given):
        if name in PROPERTIES:
            read = read_value_of(_WHAT, name, PROPERTIES[name].type, value)
            kept = with_property(kept, name, read)
        elif name == _ACCESS:
            bucket = _with_access(bucket, value)
        else:
            _require_so(name, value, shown)
    if problem := problem_together(kept):
        raise NativeError(400, f"invalid {_WHAT} {problem}")
    _require_targets(properties_of(bucket).kept.ec, kept.kept.ec)
    return with_properties(bucket, kept)


def with_changed_props(bucket: BucketInfo, given: Mapping[str, Any], mountpaths: int) -> BucketInfo:
    """Return the same of a bucket that exists: its objects would have to be mirrored at once. Raise
    400 without as many mountpaths, and 501 with them."""
    changed = with_props(bucket, given)
    before, after = properties_of(bucket).kept.mirror, properties_of(changed).kept.mirror
    if after.enabled and after != before:
        ways = max(after.copies, 2)
        if ways > mountpaths:
            name = bck_of(bucket.name).cname()
            message = f"not enough mountpaths ({mountpaths}) to configure {name}"
            raise NativeError(400, f"{message} as {ways}-way mirror")
        raise unsupported(f'{_WHAT} "mirror.enabled" of a bucket with objects')
    return changed


def _require_targets(before: ErasureCoding, after: ErasureCoding) -> None:
    """Raise 400 for erasure coding that was off, or of other slices: there is one target."""
    if not after.enabled or after == before:
        return
    slices = f"(D = {after.data_slices}, P = {after.parity_slices})"
    needed = after.data_slices + after.parity_slices + 1
    message = f"not enough target nodes: EC configuration {slices} requires at least {needed}"
    raise NativeError(400, f"{message} targets (have {_TARGETS})", Tcode.NOT_ENOUGH_TARGETS)


def gives_access(given: Mapping[str, Any]) -> bool:
    return any(name == _ACCESS for name, _ in flat(given))


def leads_elsewhere(given: Mapping[str, Any]) -> bool:
    """Whether they say where a cloud is and who asks: requests then go there, with credentials that
    the server finds."""
    return any(name.startswith("extra.aws.") for name, _ in flat(given))


def with_defaults(bucket: BucketInfo, defaults: NewBuckets) -> BucketInfo:
    """Return the bucket with a new bucket's properties; owner, policy and the other things that S3
    knows stay."""
    return with_properties(_with_access(bucket, EVERYTHING), defaults.properties)


def _require_so(name: str, value: object, shown: Mapping[str, Wire]) -> None:
    """Raise unless the property has that value."""
    if name == _FORCE or (name == _BACKEND and value in ("", "none")):
        return
    if name == _BACKEND:
        raise unsupported(f'{_WHAT} "{name}"')
    if name not in shown:
        raise unknown(_WHAT, name, {**shown, **PROPERTIES})
    if name in _TYPES:
        read_value_of(_WHAT, name, _TYPES[name], value)
    if name in _READ_ONLY and str(value) != shown[name]:
        raise invalid(_WHAT, name, value, "it cannot be changed")
    require_unchanged(_WHAT, name, shown[name], value)


def _with_access(bucket: BucketInfo, value: object) -> BucketInfo:
    """Read the access rights: a number of 64 bits, as a text or not, or AIStore's words and
    names."""
    if not isinstance(value, str | int):
        raise NativeError(400, "access must be a number of 64 bits, or a text")
    try:
        return with_access(bucket, value)
    except ValueError as error:
        raise NativeError(400, f"invalid access: {error}") from None
