"""The entries of listings, declared as all other documents are: what their text must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s3gw.ops.list_entries import Owners
from s3gw.s3.key_encoding import Encode
from s3gw.s3.shared_elements import Owner, Prefix
from s3gw.wire.xmldoc import DECLARATION, NAMESPACE, TimeNs, document, to_xml
from storage.values import ChecksumType, ObjectInfo, VersionEntry


@document("Contents")
@dataclass(frozen=True)
class Contents:
    key: str
    last_modified: TimeNs
    etag: str
    checksum_algorithm: str | None
    checksum_type: ChecksumType | None
    size: int
    owner: Owner | None
    storage_class: str


@document("DeleteMarker")
@dataclass(frozen=True)
class DeleteMarker:
    key: str
    version_id: str
    is_latest: bool
    last_modified: TimeNs
    owner: Owner


@document("Version")
@dataclass(frozen=True)
class Version:
    key: str
    version_id: str
    is_latest: bool
    last_modified: TimeNs
    etag: str
    checksum_algorithm: str | None
    checksum_type: ChecksumType | None
    size: int
    owner: Owner
    storage_class: str


@document("CommonPrefixes")
@dataclass(frozen=True)
class CommonPrefixes(Prefix):
    pass


def content(info: ObjectInfo, encode: Encode, owners: Owners | None) -> str:
    checksum = info.checksum
    return _text(
        Contents(
            encode(info.name),
            TimeNs(info.modified_ns),
            f'"{info.etag}"',
            checksum.algorithm if checksum else None,
            checksum.type if checksum else None,
            info.size,
            owners(info.attributes.owner) if owners else None,
            info.attributes.storage_class,
        )
    )


def version(entry: VersionEntry, encode: Encode, owners: Owners) -> str:
    info, owner = entry.info, owners(entry.info.attributes.owner)
    key, modified = encode(info.name), TimeNs(info.modified_ns)
    if info.delete_marker:
        return _text(DeleteMarker(key, info.version, entry.latest, modified, owner))
    checksum = info.checksum
    return _text(
        Version(
            key,
            info.version,
            entry.latest,
            modified,
            f'"{info.etag}"',
            checksum.algorithm if checksum else None,
            checksum.type if checksum else None,
            info.size,
            owner,
            info.attributes.storage_class,
        )
    )


def common_prefix(prefix: str, encode: Encode) -> str:
    return _text(CommonPrefixes(encode(prefix)))


def _text(entry: Any) -> str:
    """The element as it is inside a document."""
    text = to_xml(entry).decode().removeprefix(DECLARATION)
    return text.replace(f' xmlns="{NAMESPACE}"', "", 1)
