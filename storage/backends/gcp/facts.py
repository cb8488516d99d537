"""Facts of objects in Cloud Storage's words and in ours.

* The ETag is the MD5 of the bytes, as users of S3 expect it. An object that was uploaded in parts
  has no MD5; its ETag is the one of Cloud Storage, and changes with its metadata.
* The version is the generation. The time is that of the generation: new metadata leave it.
* The checksum is the CRC32C: every object has one.
* The XML API carries metadata in headers. Text that is not ASCII crosses there in the encoded words
  of RFC 2047, as S3 has it, and is read so from either API.

Left out is what belongs to the remote bucket and would not be true of a copy kept here: ACLs,
holds and retention, encryption at rest. Tags of objects, and some headers that S3 has, cannot be
kept there: who writes them is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from storage.backends.gcp.place import PROVIDER
from storage.clock import NS_PER_S
from storage.errors import NotSupported, ObjectNotFound
from storage.values import NULL_VERSION, Attributes, Checksum, ObjectInfo

STANDARD = "STANDARD"
# In bytes of UTF-8.
_LONGEST_NAME = 1024
_STORAGE_CLASSES = frozenset(
    """STANDARD NEARLINE COLDLINE ARCHIVE MULTI_REGIONAL REGIONAL
    DURABLE_REDUCED_AVAILABILITY""".split()  # noqa: SIM905
)
HEADERS = {
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "content-type": "contentType",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-zA-Z-]+")
_ENCODED_WORD = re.compile(r"=\?[\w-]+\?[BbQq]\?[^?]*\?=")


class Resource(Struct, frozen=True, rename="camel"):
    """An object as the JSON API describes it, as far as that is of use here."""

    name: str
    size: int = 0
    etag: str = ""
    md5_hash: str = ""
    crc32c: str = ""
    generation: int = 0
    metageneration: int = 0
    time_created: str = ""
    storage_class: str = STANDARD
    cache_control: str = ""
    content_disposition: str = ""
    content_encoding: str = ""
    content_language: str = ""
    content_type: str = ""
    metadata: dict[str, str] = {}

    @property
    def unchanged(self) -> dict[str, str]:
        """The parameters of a request that is only for this object with these facts."""
        return {
            "ifGenerationMatch": str(self.generation),
            "ifMetagenerationMatch": str(self.metageneration),
        }

    @property
    def info(self) -> ObjectInfo:
        return ObjectInfo(
            name=self.name,
            size=self.size,
            etag=_etag(self),
            modified_ns=ns_of(self.time_created),
            attributes=Attributes(
                headers=_headers(self),
                custom={key.lower(): decoded(text) for key, text in self.metadata.items()},
                storage_class=self.storage_class,
            ),
            checksum=Checksum("CRC32C", self.crc32c) if self.crc32c else None,
            version=str(self.generation) if self.generation else NULL_VERSION,
        )


FIELDS = ",".join(Resource.__struct_encode_fields__)


def check_attributes(attributes: Attributes) -> None:
    """Raise `NotSupported` for those that would get lost, though their writer relies on them."""
    if attributes.lock is not None:
        raise NotSupported("locking", PROVIDER)
    if attributes.encryption is not None:
        raise NotSupported("encryption", PROVIDER)
    if attributes.tags:
        raise NotSupported("tags of objects", PROVIDER)
    if attributes.storage_class not in _STORAGE_CLASSES:
        raise NotSupported(f"the storage class {attributes.storage_class}", PROVIDER)
    for name, text in attributes.headers.items():
        if text and name not in HEADERS:
            raise NotSupported(f"the header {name} of an object", PROVIDER)


def resource_of(attributes: Attributes) -> dict[str, Any]:
    """Return the attributes as the JSON API takes them."""
    resource: dict[str, Any] = {
        HEADERS[name]: text for name, text in attributes.headers.items() if text
    }
    if attributes.custom:
        resource["metadata"] = dict(attributes.custom)
    if attributes.storage_class != STANDARD:
        resource["storageClass"] = attributes.storage_class
    return resource


def patch_of(old: Resource, attributes: Attributes) -> dict[str, Any]:
    """Return the change to these attributes; null removes one."""
    patch: dict[str, Any] = {
        word: attributes.headers.get(name) or None for name, word in HEADERS.items()
    }
    gone = {key: None for key in old.metadata if key not in attributes.custom}
    patch["metadata"] = {**gone, **attributes.custom}
    return patch


def headers_of(attributes: Attributes) -> dict[str, str]:
    """Return the attributes as the XML API takes them."""
    headers = {name: encoded(text) for name, text in attributes.headers.items() if text}
    for key, text in attributes.custom.items():
        if not _TOKEN.fullmatch(key):
            raise NotSupported(f"the name {key!r} of metadata in an upload", PROVIDER)
        headers[f"x-goog-meta-{key}"] = encoded(text)
    if attributes.storage_class != STANDARD:
        headers["x-goog-storage-class"] = attributes.storage_class
    return headers


def check_name(name: str) -> None:
    """Raise `NotSupported` for a name that no new object can have."""
    if not _takes(name):
        raise NotSupported(f"the name {name[:80]!r} of an object", PROVIDER)


def bucket_path(bucket: str) -> str:
    return f"/storage/v1/b/{quote(bucket, safe='')}"


def object_path(bucket: str, name: str) -> str:
    """Raise `ObjectNotFound` for a name that no object can have."""
    if not _takes(name):
        raise ObjectNotFound(name)
    return f"{bucket_path(bucket)}/o/{quote(name, safe='')}"


def xml_path(bucket: str, name: str = "") -> str:
    """A name is one segment: no one on the way may fold dots or slashes in it."""
    quoted = quote(name, safe="")
    return f"/{quote(bucket, safe='')}" + (f"/{quoted}" if name else "")


def ns_of(text: str) -> int:
    """Read a time like `2026-12-01T00:00:00.123Z`; 0 for what is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return _ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def answered_ns(headers: Mapping[str, str]) -> int:
    """Return the time of an answer, for what does not have one."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return 0
    return _ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def unquoted(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def encoded(text: str) -> str:
    """Return text that a header can carry."""
    if text.isascii() and text.isprintable():
        return text
    return f"=?utf-8?b?{b64encode(text.encode()).decode()}?="


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


def _takes(name: str) -> bool:
    if name in ("", ".", "..") or name.startswith(".well-known/acme-challenge/"):
        return False
    return "\n" not in name and "\r" not in name and len(name.encode()) <= _LONGEST_NAME


def _ns(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return micros * (NS_PER_S // 1_000_000)


def _etag(resource: Resource) -> str:
    if resource.md5_hash:
        try:
            return b64decode(resource.md5_hash, validate=True).hex()
        except NotBase64:
            pass
    return unquoted(resource.etag)


def _headers(resource: Resource) -> dict[str, str]:
    said = {
        "cache-control": resource.cache_control,
        "content-disposition": resource.content_disposition,
        "content-encoding": resource.content_encoding,
        "content-language": resource.content_language,
        "content-type": resource.content_type,
    }
    return {name: decoded(text) for name, text in said.items() if text}
