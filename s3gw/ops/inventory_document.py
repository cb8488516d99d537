"""Document of an inventory configuration.

Checked in AWS' order: first the document, then its id, then the destination.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketInventoryConfiguration.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from cluster.inventory import Destination, Format, Frequency, Inventory
from s3gw.objects.encryption import AES256, KMS
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named, within

E = TypeVar("E", bound=Enum)

_ARN = re.compile(r"arn:[a-z0-9-]+:s3:::([^/:*?\s]{3,255})")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_VERSIONS = {"All": True, "Current": False}
# All that AWS has, also what is empty here.
_FIELDS = frozenset(
    """BucketKeyStatus ChecksumAlgorithm ETag EncryptionStatus IntelligentTieringAccessTier
    IsMultipartUploaded LastModifiedDate ObjectAccessControlList ObjectLockLegalHoldStatus
    ObjectLockMode ObjectLockRetainUntilDate ObjectOwner ReplicationStatus Size
    StorageClass""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class SseKms:
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class InventoryEncryption:
    sse_s3: str | None = named("SSE-S3", default=None)
    sse_kms: tuple[SseKms, ...] = named("SSE-KMS", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class S3BucketDestination:
    account_id: str | None = None
    bucket: str
    encryption: InventoryEncryption | None = None
    format: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class InventoryDestination:
    """`s3_bucket_destination` is one element."""

    s3_bucket_destination: tuple[S3BucketDestination, ...] = named("S3BucketDestination")


@dataclass(frozen=True, slots=True)
class InventoryFilter:
    prefix: str


@dataclass(frozen=True, slots=True)
class InventorySchedule:
    frequency: str


@document("InventoryConfiguration")
@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryConfiguration:
    destination: InventoryDestination
    is_enabled: bool
    filter: InventoryFilter | None = None
    id: str = named("Id")
    included_object_versions: str
    optional_fields: tuple[str, ...] = within("OptionalFields", "Field", default=())
    schedule: InventorySchedule


@document("ListInventoryConfigurationsResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryConfigurations:
    configurations: tuple[InventoryConfiguration, ...] = named("InventoryConfiguration")
    is_truncated: bool
    continuation_token: str | None = None
    next_continuation_token: str | None = None


def read_configuration(given: InventoryConfiguration, id: str) -> Inventory:
    """Return the configuration. Raise AWS' errors; whether the destination exists is not asked."""
    places = given.destination.s3_bucket_destination
    if len(places) != 1 or given.included_object_versions not in _VERSIONS:
        raise S3Error(Code.MalformedXML)
    (place,) = places
    format_, frequency = _of(Format, place.format), _of(Frequency, given.schedule.frequency)
    if not _FIELDS.issuperset(given.optional_fields) or not _ID.fullmatch(given.id):
        raise S3Error(Code.MalformedXML)
    if given.id != id:
        raise S3Error(Code.IdMismatch)
    bucket = _ARN.fullmatch(place.bucket)
    if bucket is None:
        raise S3Error(Code.InvalidS3DestinationBucket, "Invalid bucket ARN.")
    scheme, key_id = _encryption(place.encryption)
    return Inventory(
        id=id,
        destination=Destination(
            bucket=bucket[1],
            prefix=(place.prefix or "").rstrip("/"),
            account=place.account_id or "",
            scheme=scheme,
            key_id=key_id,
        ),
        format=format_,
        frequency=frequency,
        all_versions=_VERSIONS[given.included_object_versions],
        enabled=given.is_enabled,
        prefix="" if given.filter is None else given.filter.prefix,
        fields=tuple(dict.fromkeys(given.optional_fields)),
    )


def _of(kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise S3Error(Code.MalformedXML) from None


def _encryption(given: InventoryEncryption | None) -> tuple[str, str]:
    """Return the scheme and the key's id, both empty for the bucket's default."""
    if given is None:
        return "", ""
    if given.sse_s3 is not None and given.sse_kms:
        raise S3Error(Code.MalformedXML)
    if given.sse_kms:
        if not given.sse_kms[0].key_id:
            raise S3Error(Code.MalformedXML)
        return KMS, given.sse_kms[0].key_id
    return (AES256, "") if given.sse_s3 is not None else ("", "")


def shown(kept: Inventory) -> InventoryConfiguration:
    """Return the document of a kept configuration."""
    wanted = kept.destination
    place = S3BucketDestination(
        account_id=wanted.account or None,
        bucket=f"arn:aws:s3:::{wanted.bucket}",
        encryption=_shown_encryption(wanted),
        format=kept.format.value,
        prefix=wanted.prefix or None,
    )
    return InventoryConfiguration(
        destination=InventoryDestination((place,)),
        is_enabled=kept.enabled,
        filter=InventoryFilter(kept.prefix) if kept.prefix else None,
        id=kept.id,
        included_object_versions="All" if kept.all_versions else "Current",
        optional_fields=kept.fields,
        schedule=InventorySchedule(kept.frequency.value),
    )


def _shown_encryption(wanted: Destination) -> InventoryEncryption | None:
    match wanted.scheme:
        case "":
            return None
        case scheme if scheme == KMS:
            return InventoryEncryption(sse_kms=(SseKms(wanted.key_id),))
    return InventoryEncryption(sse_s3="")
