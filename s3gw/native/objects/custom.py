"""Custom properties of objects: the pairs that S3 calls user metadata.

They are sent in headers, so their names are limited to header names, and their values to what a
header can hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.operation import operation, query, value
from s3gw.s3.headers import MAX_METADATA
from s3gw.wire.errors import Code, S3Error
from storage.clock import SystemClock
from storage.errors import ObjectLocked
from storage.values import Attributes, ObjectInfo

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_CLOCK = SystemClock()


def custom_pairs(info: ObjectInfo) -> Iterator[tuple[str, str]]:
    yield from info.attributes.custom.items()


def read_custom(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return the pairs as they are kept: values in the bytes of UTF-8. Raise 400."""
    for name, text in pairs.items():
        if not _NAME.fullmatch(name):
            raise NativeError(400, f"invalid name of a custom property: {name[:128]!r}")
        if not text.isprintable():
            raise NativeError(400, f'the custom property "{name}" has control characters')
    return {name: text.encode().decode("latin-1") for name, text in pairs.items()}


def read_custom_header(text: str) -> dict[str, str]:
    """Parse `k=v, k2=v2`, as AIStore's clients join them. Raise 400."""
    pairs: dict[str, str] = {}
    for item in filter(None, (each.strip() for each in text.split(","))):
        name, equals, kept = item.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise NativeError(400, f"invalid custom property {item[:128]!r}")
        pairs[name] = kept
    return pairs


def with_custom(attributes: Attributes, pairs: Mapping[str, str]) -> Attributes:
    """Return the attributes with the pairs. Raise for more than an object may have."""
    if sum(len(name) + len(text) for name, text in pairs.items()) > MAX_METADATA:
        raise S3Error(Code.MetadataTooLarge, MaxSizeAllowed=str(MAX_METADATA))
    return msgspec.structs.replace(attributes, custom=dict(pairs))


@operation(
    "PATCH",
    "objects/{bucket}/{object}",
    action="",
    access=Access.UPDATE_OBJECT,
    known_as="PutObject",
)
class SetCustomProperties:
    """Add to the existing properties, or replace them. A locked version does not change."""

    pairs: dict[str, Any] | None = value(default=None)
    replaces: bool = query("set-new-custom", default=False)

    async def run(self, call: NativeCall) -> Reply:
        given = read_custom({name: str(text) for name, text in (self.pairs or {}).items()})

        def change(old: Attributes) -> Attributes:
            if old.lock and old.lock.forbids_removal(_CLOCK.now_ns(), bypass_governance=False):
                raise ObjectLocked(call.key)
            return with_custom(old, given if self.replaces else {**old.custom, **given})

        await call.store.update_object(call.bucket, call.key, change)
        return Reply()
