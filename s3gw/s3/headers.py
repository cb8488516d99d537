"""Header formats in one place: ETags, HTTP dates, version ids, object headers.

Inside the program an ETag has no quotes and a time is an integer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from unicodedata import category
from urllib.parse import parse_qsl

from s3gw.access.acl_headers import with_owner_and_acl
from s3gw.http.request import AuthenticatedRequest, Request
from s3gw.objects.attributes import DEFAULT_TYPE, REDIRECT_LOCATION
from s3gw.s3.encryption_headers import encryption_headers
from s3gw.s3.header_text import content_disposition, decoded_words, encoded_word
from s3gw.s3.lock_headers import lock_headers, read_lock
from s3gw.wire.errors import Code, S3Error
from storage.clock import SystemClock
from storage.values import (
    ALWAYS,
    NULL_VERSION,
    Attributes,
    BucketInfo,
    Condition,
    ObjectInfo,
    Versioning,
)

META = "x-amz-meta-"
STORAGE_CLASS = "x-amz-storage-class"
VERSION_ID = "x-amz-version-id"
MAX_METADATA = 2048
# In encoded words, each byte takes three and each word some twelve more: what is longer would not
# be short when it is decoded, and is not decoded.
MAX_ENCODED_METADATA = 8 * MAX_METADATA
MAX_REDIRECT = 2048
# So many more tags than AWS allows are not even read.
_MANY_TAGS = 100

# Content headers of an upload, kept and sent back as received.
CONTENT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    REDIRECT_LOCATION,
)
# As answers spell them; x-amz-* stays in lower case.
_SPELT = {name: name.title() for name in CONTENT_HEADERS if not name.startswith("x-amz-")}
# `response-content-type` and its like; S3 lets only signed requests use them.
OVERRIDES = {f"response-{name}": name for name in CONTENT_HEADERS[:6]}

STORAGE_CLASSES = frozenset(
    [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
    ]
)
_DISPOSITION = "content-disposition"
_NOT_LATIN_1 = re.compile("[^\x00-\xff]")
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_VERSION_ID = re.compile("[0-9a-f]{32}")
_NS = 1_000_000_000
_CLOCK = SystemClock()


def quoted(etag: str) -> str:
    return f'"{etag}"'


def unquoted(text: str) -> str:
    """Return an ETag without what clients add: quotes, weakness, left-over entities."""
    text = text.strip().removeprefix("W/")
    return text.replace("&quot;", '"').replace("&#34;", '"').strip('"')


@lru_cache(maxsize=4096)
def http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


# Reading an upload's headers


def read_attributes(call: AuthenticatedRequest, *, words: bool = True) -> Attributes:
    """Read the attributes of the object to write, with its bucket's additions. Raise for what
    cannot be kept. `words`: metadata may have encoded words."""
    refuse_unsupported(call)
    headers = call.headers
    custom = {n[len(META) :]: v for n, v in headers.items() if n.startswith(META)}
    if words:
        _check_metadata(custom, MAX_ENCODED_METADATA)
        custom = {name: decoded_words(value) for name, value in custom.items()}
    _check_metadata(custom, MAX_METADATA)
    attributes = Attributes(
        headers=_content_headers(headers),
        custom=custom,
        tags=read_tagging_header(headers.get("x-amz-tagging")),
        storage_class=_storage_class(headers.get(STORAGE_CLASS)),
        lock=read_lock(headers, call.bucket_info, _CLOCK.now_ns()),
    )
    return with_owner_and_acl(call, attributes)


def _check_metadata(custom: Mapping[str, str], most: int) -> None:
    if sum(len(name) + len(value) for name, value in custom.items()) > most:
        raise S3Error(Code.MetadataTooLarge, MaxSizeAllowed=str(MAX_METADATA))


def _content_headers(headers: Mapping[str, str]) -> dict[str, str]:
    content = {name: headers[name] for name in CONTENT_HEADERS if name in headers}
    if "aws-chunked" in content.get("content-encoding", "").lower():
        # It is a coding of the transfer, not of the object.
        codings = content.pop("content-encoding").split(",")
        kept = ",".join(c for c in codings if c.strip().lower() not in ("", "aws-chunked"))
        if kept:
            content["content-encoding"] = kept.strip()
    content.setdefault("content-type", DEFAULT_TYPE)
    _check_redirect(content.get(REDIRECT_LOCATION, "/"))
    return content


def _check_redirect(location: str) -> None:
    if not location.startswith(("/", "http://", "https://")):
        raise S3Error(Code.InvalidRedirectLocation)
    if len(location) > MAX_REDIRECT:
        message = f"The length of website redirect location cannot exceed {MAX_REDIRECT} characters"
        raise S3Error(Code.InvalidRedirectLocation, message)


def _storage_class(name: str | None) -> str:
    if name is None or name in STORAGE_CLASSES:
        return name or "STANDARD"
    raise S3Error(Code.InvalidStorageClass, StorageClassRequested=name)


def refuse_unsupported(call: Request) -> None:
    """Refuse what cannot be enforced yet; never accept and ignore it."""
    if "x-amz-write-offset-bytes" in call.headers:
        raise S3Error(Code.NotImplemented, Header="x-amz-write-offset-bytes")


def refuse_acl(call: Request) -> None:
    """Refuse an ACL on a part: its object got one when the upload began."""
    for name in call.headers:
        if name == "x-amz-acl" or name.startswith("x-amz-grant-"):
            raise S3Error(Code.NotImplemented, Header=name)


def read_tagging_header(text: str | None) -> dict[str, str]:
    """Parse `x-amz-tagging: a=1&b=2`, URL-encoded. Raise `InvalidTag`, `InvalidArgument`."""
    if not text:
        return {}
    if text.count("&") > _MANY_TAGS:
        raise S3Error(Code.BadRequest, "Object tags cannot be greater than 10")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        pairs = []
    if not pairs or len(dict(pairs)) != len(pairs) or text.count("=") > len(pairs):
        message = (
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates."
        )
        raise S3Error(
            Code.InvalidArgument, message, ArgumentName="x-amz-tagging", ArgumentValue=text
        )
    return check_tags(pairs)


SYSTEM_TAG = "Your TagKey cannot be prefixed with aws:"


def check_tags(
    pairs: list[tuple[str, str]], limit: int = 10, system_tag: str = SYSTEM_TAG
) -> dict[str, str]:
    """Check the tags: at most `limit`, keys of 1 to 128 and values of up to 256 characters, no key
    twice.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-managing.html
    """
    tags = dict(pairs)
    if len(pairs) > limit:
        raise S3Error(Code.BadRequest, f"Object tags cannot be greater than {limit}")
    for at, (key, _) in enumerate(pairs):
        if any(key == earlier for earlier, _ in pairs[:at]):
            message = "Cannot provide multiple Tags with the same key"
            raise S3Error(Code.InvalidTag, message, TagKey=key)
    for key, value in pairs:
        if key.startswith("aws:"):
            raise S3Error(Code.InvalidTag, system_tag, TagKey=key)
        if not 0 < len(key) <= 128 or not _is_tag_text(key):
            raise S3Error(Code.InvalidTag, "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or not _is_tag_text(value):
            message = "The TagValue you have provided is invalid"
            raise S3Error(Code.InvalidTag, message, TagKey=key, TagValue=value)
    return tags


def _is_tag_text(text: str) -> bool:
    """Whether it has only letters, digits and spaces of any script, and `+ - = . _ : / @`."""
    return all(c.isalnum() or c in "+-=._:/@" or category(c).startswith("Z") for c in text)


# Conditions


# The headers of a reader's condition.
CONDITIONS = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"}
)


def read_condition(headers: Mapping[str, str], prefix: str = "") -> Condition:
    """Read If-Match and its kin; `prefix` is `x-amz-copy-source-` for those on a copy's source."""
    match = headers.get(f"{prefix}if-match")
    none_match = headers.get(f"{prefix}if-none-match")
    modified = headers.get(f"{prefix}if-modified-since")
    unmodified = headers.get(f"{prefix}if-unmodified-since")
    if_range = None if prefix else headers.get("if-range")
    if match is none_match is modified is unmodified is if_range:
        return ALWAYS
    return Condition(
        _etags(match), _etags(none_match), _past(modified), _time(unmodified), _validator(if_range)
    )


def read_write_condition(headers: Mapping[str, str]) -> Condition:
    """Read the conditions of a write: it replaces that very object, or no object at all.

    Raise `NotImplemented` for what AWS does not take: both at once, and `*` in the wrong one.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    unmodified = headers.get("if-unmodified-since")
    if match is none_match is unmodified:
        return ALWAYS
    if match is not None and none_match is not None:
        raise _no_condition(
            "If-Match,If-None-Match", "Multiple conditional request headers present in the request"
        )
    for name, value, taken in (
        ("If-Match", match, match is None or match.strip() != "*"),
        ("If-None-Match", none_match, none_match is None or none_match.strip() == "*"),
    ):
        if value is not None and not taken:
            why = f"We don't accept the provided value of {name} header for this API"
            raise _no_condition(name, why)
    # An ETag is the better witness (RFC 9110, 13.2.2).
    latest = _time(unmodified) if match is None else None
    return Condition(_etags(match), _etags(none_match), if_unmodified_since=latest)


def read_delete_condition(headers: Mapping[str, str]) -> Condition:
    """Read the condition of a deletion: `If-Match` with an ETag, or with `*` for any object."""
    match = headers.get("if-match")
    if "if-none-match" in headers:
        raise S3Error(Code.NotImplemented, Header="If-None-Match")
    unmodified = headers.get("if-unmodified-since")
    if match is unmodified:
        return ALWAYS
    latest = _time(unmodified) if match is None else None
    return Condition(_etags(match), if_unmodified_since=latest)


def _no_condition(header: str, why: str) -> S3Error:
    return S3Error(Code.NotImplemented, Header=header, additionalMessage=why)


def _etags(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(unquoted(etag) for etag in text.split(","))


def _validator(text: str | None) -> str | int | None:
    """Read If-Range, an ETag or a date. A weak ETag does not promise equal bytes, and is of no
    object."""
    if text is None:
        return None
    text = text.strip()
    if text.startswith("W/"):
        return ""
    moment = None if text.startswith('"') else _time(text)
    return unquoted(text) if moment is None else moment


def _time(text: str | None) -> int | None:
    """Return the seconds since the epoch; an unreadable date is not a condition (RFC 9110,
    13.1.3)."""
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None


def _past(text: str | None) -> int | None:
    """Return the time of If-Modified-Since; one in the future is not a condition, as at AWS and in
    RFC 9110 (13.1.3)."""
    moment = _time(text)
    return None if moment is None or moment > _CLOCK.now_ns() // _NS else moment


# Answering


def object_headers(info: ObjectInfo) -> dict[str, str]:
    """Return the headers of an object in GetObject and HeadObject, whatever range is read."""
    attributes = info.attributes
    headers = {
        "ETag": f'"{info.etag}"',
        "Last-Modified": http_date(info.modified_ns // _NS),
        "Accept-Ranges": "bytes",
    }
    for name, value in attributes.headers.items():
        text = content_disposition(value) if name == _DISPOSITION else value
        headers[_SPELT.get(name, name)] = text
    for name, value in attributes.custom.items():
        headers[META + name] = encoded_word(value)
    if attributes.encryption:
        headers |= encryption_headers(attributes.encryption)
    if attributes.tags:
        headers["x-amz-tagging-count"] = str(len(attributes.tags))
    if attributes.lock is not None:
        headers |= lock_headers(attributes.lock)
    if attributes.storage_class != "STANDARD":
        headers[STORAGE_CLASS] = attributes.storage_class
    return headers


def wants_checksum(call: Request) -> bool:
    return call.headers.get("x-amz-checksum-mode", "").lower() == "enabled"


def override_headers(call: AuthenticatedRequest) -> dict[str, str]:
    """Return the headers of `response-content-type` and its like in the query."""
    if not call.query:
        return {}
    asked = {query: call.query[query] for query in OVERRIDES if query in call.query}
    if asked and call.caller.is_anonymous:
        message = "Request specific response headers cannot be used for anonymous GET requests."
        raise S3Error(Code.InvalidRequest, message)
    for query, value in asked.items():
        _check_header_value(query, value)
    headers = {}
    for query, value in asked.items():
        name = OVERRIDES[query]
        headers[_SPELT[name]] = content_disposition(value) if name == _DISPOSITION else value
    return headers


def _check_header_value(name: str, value: str) -> None:
    if _NOT_LATIN_1.search(value):
        message = "Header value cannot be represented using ISO-8859-1."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue=value)
    if _CONTROLS.search(value):
        message = "Header value contains control characters."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=name)


def named_version(version_id: str | None) -> str | None:
    """Return the version that the query names, None for the current one. Raise
    `InvalidArgument`."""
    if version_id == "":
        message = "Version id cannot be the empty string"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="versionId")
    if version_id is not None and not is_version_id(version_id):
        raise S3Error(
            Code.InvalidArgument,
            "Invalid version id specified",
            ArgumentName="versionId",
            ArgumentValue=version_id,
        )
    return version_id


def is_version_id(text: str) -> bool:
    """Whether a version could have the id: one that no version ever had is not one that is gone."""
    return text == NULL_VERSION or _VERSION_ID.fullmatch(text) is not None


def keeps_versions(bucket: BucketInfo) -> bool:
    """Whether a write keeps the version that it replaces."""
    return bucket.versioning is Versioning.ENABLED


def read_version_header(bucket: BucketInfo, info: ObjectInfo) -> dict[str, str]:
    """Return the header for a reader; empty in buckets that never had versions, as rclone
    demands."""
    if bucket.versioning is Versioning.NEVER:
        return {}
    return {VERSION_ID: info.version}


def written_version_header(info: ObjectInfo) -> dict[str, str]:
    """Return the header for a writer: the id of a version that will not be overwritten."""
    return {} if info.version == NULL_VERSION else {VERSION_ID: info.version}


def source_version_header(info: ObjectInfo) -> dict[str, str]:
    """Return the header that says which version was copied."""
    if info.version == NULL_VERSION:
        return {}
    return {"x-amz-copy-source-version-id": info.version}
