"""Typed documents in `BucketInfo.settings`.

A setting is a msgspec Struct that names the key it is stored under. It is stored as JSON, so that a
new field with a default still reads old documents; decoding is cached by the text, because the hot
paths read the same few documents again and again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct

from storage.values import BucketInfo


class Setting(Struct, frozen=True):
    """The root of all documents; `setting_name` is the key, and each has its own."""

    setting_name: ClassVar[str] = ""


S = TypeVar("S", bound=Setting)


def setting(bucket: BucketInfo, kind: type[S]) -> S | None:
    """The bucket's document of that kind, None when it has no such."""
    text = bucket.settings.get(kind.setting_name)
    return None if text is None else _decoded(kind, text)


def with_setting(bucket: BucketInfo, document: Setting) -> BucketInfo:
    """The bucket with the document in the place of the old one of its kind."""
    settings = {**bucket.settings, document.setting_name: encoded(document)}
    return msgspec.structs.replace(bucket, settings=settings)


def without_setting(bucket: BucketInfo, kind: type[Setting]) -> BucketInfo:
    settings = {name: text for name, text in bucket.settings.items() if name != kind.setting_name}
    return msgspec.structs.replace(bucket, settings=settings)


def encoded(document: Setting) -> str:
    """As it is stored in `BucketInfo.settings`."""
    return msgspec.json.encode(document).decode()


@lru_cache(maxsize=4096)
def _decoded(kind: type[Any], text: str) -> Any:
    return msgspec.json.decode(text, type=kind)
