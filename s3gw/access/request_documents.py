"""Facts from request documents: tags, a retention, a legal hold.

The operation reads the same document itself, and refuses what is invalid in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from s3gw.wire.errors import S3Error
from s3gw.wire.xmldoc import document, from_xml, within


@dataclass(frozen=True, slots=True)
class SentTag:
    key: str
    value: str


@document("Tagging")
@dataclass(frozen=True, slots=True)
class SentTagging:
    tag_set: tuple[SentTag, ...] = within("TagSet", "Tag")


@document("Retention")
@dataclass(frozen=True, slots=True)
class SentRetention:
    mode: str | None = None
    retain_until_date: str | None = None


@document("LegalHold")
@dataclass(frozen=True, slots=True)
class SentLegalHold:
    status: str | None = None


class SentLock(Struct, frozen=True):
    mode: str | None = None
    until: str | None = None
    legal_hold: str | None = None


def sent_tags(text: bytes) -> Mapping[str, str]:
    """Read the tags. Raises `MalformedXML`: without the tags nothing can be decided."""
    return {tag.key: tag.value for tag in from_xml(SentTagging, text).tag_set}


def sent_lock(text: bytes) -> SentLock:
    """Read the lock of either document. Raises `MalformedXML`."""
    try:
        retention = from_xml(SentRetention, text)
    except S3Error:
        return SentLock(legal_hold=from_xml(SentLegalHold, text).status)
    return SentLock(retention.mode, retention.retain_until_date)
