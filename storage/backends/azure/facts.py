"""Facts of objects in Azure's words and in ours.

The ETag is Azure's own. It is not an MD5, and changes with every change of the object, of its
metadata too: conditions, listings and reads agree on it.

A blob has five content headers, metadata whose names are identifiers and whose values are ASCII,
and an access tier. What does not fit is kept as JSON in one more entry of the metadata, `s3gw`:
tags, other headers, a storage class that no tier is, a checksum, the upload of the object and the
number of its parts. So it is written with the object in one step, and copied with it. Azure's index
tags are not used: they take fewer characters, need rights of their own, and accounts with a
hierarchical namespace do not have them.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from storage.backends.azure.names import RESERVED, metadata_key, user_key
from storage.backends.azure.place import PROVIDER
from storage.clock import NS_PER_S
from storage.errors import BackendError
from storage.values import Attributes, Checksum, ObjectInfo

STANDARD = "STANDARD"
_OCTETS = "application/octet-stream"
_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
)
_META = "x-ms-meta-"
# Of one blob, with their names.
_MOST_METADATA = 8 << 10
# Of the storage classes; a read of what is archived is refused by Azure.
_TIERS = {
    "STANDARD_IA": "Cool",
    "GLACIER_IR": "Cold",
    "GLACIER": "Archive",
    "DEEP_ARCHIVE": "Archive",
}
_CLASSES = {"Cool": "STANDARD_IA", "Cold": "GLACIER_IR", "Archive": "GLACIER"}

_FITS = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_ENCODED_WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=")


class Besides(Struct, frozen=True, omit_defaults=True):
    """What Azure has no place for; `upload` is the tag of the upload that it is from."""

    headers: dict[str, str] = {}
    tags: dict[str, str] = {}
    storage_class: str = ""
    checksum: Checksum | None = None
    upload: str = ""
    parts: int = 0


NOTHING_BESIDES = Besides()


def info_of(name: str, headers: Mapping[str, str], size: int) -> ObjectInfo:
    """Return what a GET or a HEAD says of an object of `size` bytes."""
    besides, custom = _metadata(headers)
    content = {header: headers[header] for header in _HEADERS if headers.get(header)}
    if content.get("content-type") == _OCTETS:
        # Azure says it of what has no type.
        del content["content-type"]
    return ObjectInfo(
        name=name,
        size=size,
        etag=unquoted(headers.get("etag", "")),
        modified_ns=ns_of(headers.get("last-modified", "")),
        attributes=Attributes(
            headers=content | besides.headers,
            custom=custom,
            tags=besides.tags,
            storage_class=_class_of(headers, besides),
        ),
        checksum=besides.checksum or _md5_of(headers),
        parts=besides.parts,
    )


def upload_of(headers: Mapping[str, str]) -> str:
    """Return the tag of the upload that the object is from, empty without one."""
    return _metadata(headers)[0].upload


def attribute_headers(attributes: Attributes, besides: Besides = NOTHING_BESIDES) -> dict[str, str]:
    """Return the headers of a request that writes an object with these attributes."""
    return {
        **content_headers(attributes),
        **metadata_headers(attributes, besides),
        **tier_headers(attributes),
    }


def content_headers(attributes: Attributes) -> dict[str, str]:
    return {
        f"x-ms-blob-{header}": attributes.headers[header]
        for header in _HEADERS
        if _FITS.fullmatch(attributes.headers.get(header, ""))
    }


def metadata_headers(attributes: Attributes, besides: Besides) -> dict[str, str]:
    """Raise `BackendError` for more than Azure takes."""
    kept = {metadata_key(key): _encoded(value) for key, value in attributes.custom.items()}
    besides = msgspec.structs.replace(
        besides,
        headers={
            header: value
            for header, value in attributes.headers.items()
            if header not in _HEADERS or value == _OCTETS or not _FITS.fullmatch(value)
        },
        tags=attributes.tags,
        storage_class="" if attributes.storage_class == STANDARD else attributes.storage_class,
    )
    if besides != NOTHING_BESIDES:
        document = msgspec.to_builtins(besides)
        texts = json.dumps(document), _encoded(json.dumps(document, ensure_ascii=False))
        kept[RESERVED] = min(texts, key=len)
    if sum(len(key) + len(value) for key, value in kept.items()) > _MOST_METADATA:
        raise BackendError(PROVIDER, "MetadataTooLarge", f"more than {_MOST_METADATA} bytes")
    return {_META + key: value for key, value in kept.items()}


def tier_headers(attributes: Attributes) -> dict[str, str]:
    tier = _TIERS.get(attributes.storage_class)
    return {"x-ms-access-tier": tier} if tier else {}


def besides_of(headers: Mapping[str, str]) -> Besides:
    return _metadata(headers)[0]


def listed_class(tier: str, *, inferred: bool) -> str:
    return STANDARD if inferred else _CLASSES.get(tier, STANDARD)


def quoted(etag: str) -> str:
    return f'"{etag}"'


def unquoted(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def ns_of(text: str) -> int:
    """Return the time of an HTTP date; 0 for one that Azure did not send."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S


def encoded_metadata(values: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of these metadata, of a blob or a container."""
    return {_META + metadata_key(key): _encoded(value) for key, value in values.items()}


def decoded_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of an answer, by the user's key."""
    return {
        user_key(name.removeprefix(_META)): _decoded(value)
        for name, value in headers.items()
        if name.startswith(_META)
    }


def _metadata(headers: Mapping[str, str]) -> tuple[Besides, dict[str, str]]:
    try:
        besides = msgspec.convert(json.loads(_decoded(headers[_META + RESERVED])), Besides)
    except (KeyError, ValueError, msgspec.ValidationError):
        # Without it, or with one that is not ours.
        return NOTHING_BESIDES, decoded_metadata(headers)
    rest = {name: value for name, value in headers.items() if name != _META + RESERVED}
    return besides, decoded_metadata(rest)


def _md5_of(headers: Mapping[str, str]) -> Checksum | None:
    """The MD5 of the whole object, which not every object has; a range has another one of its
    own."""
    md5 = headers.get("x-ms-blob-content-md5", "")
    if "content-range" not in headers:
        md5 = md5 or headers.get("content-md5", "")
    return Checksum("MD5", md5) if md5 else None


def _class_of(headers: Mapping[str, str], besides: Besides) -> str:
    """The class that was written, if the tier is still that of it; the answer to a GET does not
    have the tier."""
    tier, kept = headers.get("x-ms-access-tier", ""), besides.storage_class
    if not tier:
        return kept or STANDARD
    said = listed_class(tier, inferred=headers.get("x-ms-access-tier-inferred") == "true")
    if not kept or (kept in _TIERS and _TIERS[kept] != tier):
        return said
    return kept if kept in _TIERS or said == STANDARD else said


def _encoded(value: str) -> str:
    if _FITS.fullmatch(value) and not _ENCODED_WORD.fullmatch(value):
        return value
    return f"=?utf-8?b?{b64encode(value.encode()).decode()}?="


def _decoded(value: str) -> str:
    """Return the text of an encoded word; what is not one stays."""
    found = _ENCODED_WORD.fullmatch(value)
    if not found:
        return value
    try:
        return b64decode(found[1], validate=True).decode()
    except (NotBase64, ValueError):
        return value
