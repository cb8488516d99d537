"""Facts of objects in S3's words and in ours.

Text that is not ASCII crosses in the encoded words of RFC 2047, as S3 itself returns it. Left out
is what belongs to the remote bucket and would not be true of a copy kept here:

* who owns an object and its ACL: S3's accounts are not ours;
* its retention and legal hold: they guard the remote bytes, and a copy must stay evictable;
* its encryption at rest: the bytes that S3 sends are decrypted, under keys that it keeps.

S3 does not say in how many chunks an object is kept, how often it was written, and, but for the
number in its ETag, of which parts it was completed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import Header, decode_header
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from storage.clock import NS_PER_S
from storage.values import (
    NO_ATTRIBUTES,
    NULL_VERSION,
    Attributes,
    Checksum,
    ChecksumType,
    Condition,
    ObjectInfo,
)

STANDARD = "STANDARD"
# Of those that S3 has, the ones that a client of ours can send, as both spell them.
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")

_HEADERS = {
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_PARTS = re.compile(r"[0-9a-f]{32}-(\d{1,5})")
_ENCODED_WORD = re.compile(r"=\?[\w-]+\?[BbQq]\?[^?]*\?=")


def info_of(
    name: str, answer: Mapping[str, Any], size: int, tags: Mapping[str, str] | None = None
) -> ObjectInfo:
    """Return what a GET or a HEAD says of an object of `size` bytes."""
    etag = unquoted(answer.get("ETag", ""))
    return ObjectInfo(
        name=name,
        size=size,
        etag=etag,
        modified_ns=ns_of(answer.get("LastModified")),
        attributes=Attributes(
            headers=_content_headers(answer),
            custom={key.lower(): decoded(value) for key, value in _metadata(answer).items()},
            tags=dict(tags or {}),
            storage_class=answer.get("StorageClass") or STANDARD,
        ),
        checksum=checksum_of(answer),
        parts=answer.get("PartsCount") or parts_of(etag),
        version=answer.get("VersionId") or NULL_VERSION,
    )


def listed_info(row: Mapping[str, Any], *, delete_marker: bool = False) -> ObjectInfo:
    """Return what a listing says of an object."""
    etag = unquoted(row.get("ETag", ""))
    storage_class = row.get("StorageClass") or STANDARD
    return ObjectInfo(
        name=row["Key"],
        size=row.get("Size", 0),
        etag=etag,
        modified_ns=ns_of(row.get("LastModified")),
        attributes=NO_ATTRIBUTES
        if storage_class == STANDARD
        else Attributes(storage_class=storage_class),
        parts=parts_of(etag),
        version=row.get("VersionId") or NULL_VERSION,
        delete_marker=delete_marker,
    )


def attribute_params(attributes: Attributes) -> dict[str, Any]:
    """Return the parameters of a request that writes an object with these attributes."""
    params: dict[str, Any] = {
        param: encoded(attributes.headers[header])
        for header, param in _HEADERS.items()
        if attributes.headers.get(header)
    }
    if expires := _time_of(attributes.headers.get("expires", "")):
        params["Expires"] = expires
    if attributes.custom:
        params["Metadata"] = {key: encoded(text) for key, text in attributes.custom.items()}
    if attributes.tags:
        params["Tagging"] = urlencode(attributes.tags)
    if attributes.storage_class != STANDARD:
        params["StorageClass"] = attributes.storage_class
    return params


def checksum_of(answer: Mapping[str, Any]) -> Checksum | None:
    for algorithm in ALGORITHMS:
        if value := answer.get(f"Checksum{algorithm}"):
            composite = answer.get("ChecksumType") == "COMPOSITE" or "-" in value
            kind = ChecksumType.COMPOSITE if composite else ChecksumType.FULL_OBJECT
            return Checksum(algorithm, value, kind)
    return None


def checksum_params(checksum: Checksum | None) -> dict[str, Any]:
    if checksum is None or checksum.algorithm not in ALGORITHMS:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.value}


def exact_condition(condition: Condition) -> dict[str, str] | None:
    """Return the parameters if S3 can judge the condition of a write itself, else None."""
    match condition:
        case Condition((), (), None, None):
            return {}
        case Condition((), ("*",), None, None):
            return {"IfNoneMatch": "*"}
        case Condition((etag,), (), None, None) if etag != "*":
            return {"IfMatch": quoted(etag)}
    return None


def parts_of(etag: str) -> int:
    """Return the number of parts that S3 puts behind the ETag of an upload, else 0."""
    found = _PARTS.fullmatch(etag)
    return int(found[1]) if found else 0


def quoted(etag: str) -> str:
    return f'"{etag}"'


def unquoted(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def ns_of(moment: datetime | None) -> int:
    """Return 0 for a time that S3 did not send."""
    if moment is None:
        return 0
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return micros * (NS_PER_S // 1_000_000)


def answered_ns(answer: Mapping[str, Any]) -> int:
    """Return the time of an answer to a write, which does not have the object's own."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return ns_of(_time_of(headers.get("date", "")))


def encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()


def decoded(text: str) -> str:
    """Return the text of encoded words; what is not such words stays."""
    if not _ENCODED_WORD.search(text):
        return text
    try:
        words = decode_header(text)
        return "".join(
            word if isinstance(word, str) else word.decode(charset or "ascii")
            for word, charset in words
        )
    except (HeaderParseError, LookupError, ValueError):
        return text


def _content_headers(answer: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        header: decoded(answer[param]) for header, param in _HEADERS.items() if answer.get(param)
    }
    if expires := answer.get("ExpiresString"):
        headers["expires"] = expires
    return headers


def _metadata(answer: Mapping[str, Any]) -> Mapping[str, str]:
    metadata: Mapping[str, str] = answer.get("Metadata") or {}
    return metadata


def _time_of(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
