"""Facts of objects, as headers of AIStore say them.

The ETag is the checksum that the other cluster has of the object, in hexadecimal: it is what
headers and listings both say, and it changes with the bytes. Only what has no checksum there (an
upload of S3 in parts) has the ETag of the answer. The version is AIStore's, a number that grows
with each write.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from storage.backends.ais.place import PROVIDER
from storage.clock import NS_PER_S
from storage.errors import NotSupported
from storage.values import NULL_VERSION, Attributes, Checksum, ObjectInfo

CUSTOM = "ais-custom-md"
CHECKSUM_TYPE = "ais-checksum-type"
CHECKSUM_VALUE = "ais-checksum-value"
VERSION = "ais-version"
_ACCESSED = "ais-atime"

_STANDARD = "STANDARD"
_CONTENT_TYPE = "Content-Type"
# What a client sends who says nothing of the content.
_NEUTRAL = frozenset({"", "application/octet-stream", "binary/octet-stream"})
# AIStore's own, of objects that the other cluster has from a cloud.
_NOT_CUSTOM = frozenset({"source", "etag", "md5", "version", "lastmodified", "orig_url"})
_ALGORITHMS = {
    "xxhash": "XXHASH64",
    "xxhash2": "XXHASH64",
    "md5": "MD5",
    "sha256": "SHA256",
    "sha512": "SHA512",
    "crc32c": "CRC32C",
}
_FRACTION = re.compile(r"(\.\d{6})\d+")


class Sum(Struct, frozen=True):
    """A checksum by AIStore's name; both empty for none."""

    type: str = ""
    value: str = ""


def sum_of(headers: Mapping[str, str]) -> Sum:
    return Sum(headers.get(CHECKSUM_TYPE, ""), headers.get(CHECKSUM_VALUE, ""))


def info_of(
    name: str, size: int, headers: Mapping[str, str], custom: Iterable[str] = ()
) -> ObjectInfo:
    """`headers` have names in lower case; `custom` are the pairs, each `name=value`."""
    etag = sum_of(headers).value or _unquoted(headers.get("etag", ""))
    return ObjectInfo(
        name=name,
        size=size,
        etag=etag or f"{headers.get(VERSION, '')}-{size}",
        modified_ns=_modified_ns(headers),
        attributes=_attributes(custom),
        checksum=_checksum(sum_of(headers)),
        version=headers.get(VERSION) or NULL_VERSION,
    )


def custom_of(attributes: Attributes) -> dict[str, str]:
    """Return the pairs to keep there. Raise `NotSupported` for what would get lost, though its
    writer relies on it."""
    content_type = attributes.headers.get("content-type", "")
    others = {name for name, text in attributes.headers.items() if text} - {"content-type"}
    for lost, what in (
        (others, f"the header {', '.join(sorted(others))} of an object"),
        (attributes.tags, "tags of objects"),
        (attributes.storage_class != _STANDARD, f"the storage class {attributes.storage_class}"),
        (attributes.lock, "locking"),
        (attributes.encryption, "encryption"),
        (
            any(key.lower() in _NOT_CUSTOM or "=" in key for key in attributes.custom),
            "metadata with one of AIStore's own names",
        ),
    ):
        if lost:
            raise NotSupported(what, PROVIDER)
    pairs = {key: _sent(text) for key, text in attributes.custom.items()}
    if content_type not in _NEUTRAL:
        pairs[_CONTENT_TYPE] = content_type
    return pairs


def ns_of(text: str) -> int:
    """Read a time like `2026-12-01T00:00:00.123456789Z`; 0 for what is not one."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError:
        return 0
    return _ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _checksum(found: Sum) -> Checksum | None:
    """Return it under S3's name, if S3 has one."""
    algorithm = _ALGORITHMS.get(found.type, "")
    try:
        value = b64encode(bytes.fromhex(found.value)).decode()
    except ValueError:
        return None
    return Checksum(algorithm, value) if algorithm and value else None


def _attributes(custom: Iterable[str]) -> Attributes:
    headers, pairs = {}, {}
    for pair in custom:
        key, equals, text = pair.partition("=")
        if key.lower() == _CONTENT_TYPE.lower():
            headers["content-type"] = text
        elif equals and key.lower() not in _NOT_CUSTOM:
            pairs[key] = _kept(text)
    return Attributes(headers=headers, custom=pairs)


def _kept(text: str) -> str:
    """Return a value as metadata are kept: the bytes of UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _sent(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _modified_ns(headers: Mapping[str, str]) -> int:
    """AIStore itself often says only when an object was used last: of one that was never read that
    is when it was written. 0 where it says neither."""
    if date := headers.get("last-modified"):
        return _ns_of_date(date)
    accessed = headers.get(_ACCESSED, "")
    return int(accessed) if accessed.isdecimal() else 0


def _ns_of_date(text: str) -> int:
    try:
        return _ns(parsedate_to_datetime(text))
    except ValueError:
        return 0


def _ns(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _unquoted(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
