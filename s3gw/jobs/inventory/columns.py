"""Columns of an inventory, in the order of AWS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from enum import Enum, unique

import msgspec
from msgspec import Struct

from cluster.inventory import Inventory
from s3gw.access.acl import Grant, from_text, full_control
from s3gw.objects.encryption import AES256, KMS, SSE_C
from storage.values import BucketInfo, VersionEntry

Cell = str | bool | int | None
_NS_IN_MS = 1_000_000
_SCHEMES = {AES256: "SSE-S3", KMS: "SSE-KMS", SSE_C: "SSE-C"}


@unique
class Type(Enum):
    """TIME is in milliseconds since the epoch."""

    TEXT = "text"
    SWITCH = "switch"
    NUMBER = "number"
    TIME = "time"


class Column(Struct, frozen=True):
    """`name` is the one in CSV, `snake` that in Parquet and ORC."""

    name: str
    snake: str
    type: Type
    cell: Callable[[BucketInfo, VersionEntry], Cell]


def _nothing(bucket: BucketInfo, entry: VersionEntry) -> Cell:
    """Return the cell of what no object here has."""
    return None


def _of_data(cell: Callable[[VersionEntry], Cell]) -> Callable[[BucketInfo, VersionEntry], Cell]:
    """Return the cell, which a delete marker does not have."""
    return lambda _, entry: None if entry.info.delete_marker else cell(entry)


def _encryption(entry: VersionEntry) -> str:
    found = entry.info.attributes.encryption
    return "NOT-SSE" if found is None else _SCHEMES.get(found.scheme, found.scheme)


def _bucket_key(entry: VersionEntry) -> str | None:
    found = entry.info.attributes.encryption
    if found is None or found.scheme != KMS:
        return None
    return "ENABLED" if found.bucket_key else "DISABLED"


def _retain_until(entry: VersionEntry) -> int | None:
    lock = entry.info.attributes.lock
    retention = None if lock is None else lock.retention
    return None if retention is None else retention.until_ns // _NS_IN_MS


def _lock_mode(entry: VersionEntry) -> str | None:
    lock = entry.info.attributes.lock
    retention = None if lock is None else lock.retention
    return None if retention is None else retention.mode.value


def _legal_hold(entry: VersionEntry) -> str:
    lock = entry.info.attributes.lock
    return "On" if lock is not None and lock.legal_hold else "Off"


def _owner(bucket: BucketInfo, entry: VersionEntry) -> str:
    return entry.info.attributes.owner or bucket.owner


def _grantee(grant: Grant) -> dict[str, str]:
    if grant.group is None:
        return {"type": "CanonicalUser", "canonicalId": grant.account}
    return {"type": "Group", "uri": grant.group.value}


def _acl(bucket: BucketInfo, entry: VersionEntry) -> str | None:
    """Return the ACL as AWS has it there: JSON in base64."""
    if entry.info.delete_marker:
        return None
    owner = _owner(bucket, entry)
    kept = from_text(entry.info.attributes.acl) or full_control(owner)
    grants = [{**_grantee(grant), "permission": grant.permission.value} for grant in kept]
    document = {"version": "2022-11-10", "status": "AVAILABLE", "grants": grants}
    return base64.b64encode(msgspec.json.encode(document)).decode()


_BUCKET = Column("Bucket", "bucket", Type.TEXT, lambda bucket, _: bucket.name)
_KEY = Column("Key", "key", Type.TEXT, lambda _, entry: entry.info.name)
_OF_VERSIONS = (
    Column("VersionId", "version_id", Type.TEXT, lambda _, entry: entry.info.version),
    Column("IsLatest", "is_latest", Type.SWITCH, lambda _, entry: entry.latest),
    Column("IsDeleteMarker", "is_delete_marker", Type.SWITCH, lambda _, e: e.info.delete_marker),
)
_OPTIONAL = (
    Column("Size", "size", Type.NUMBER, _of_data(lambda entry: entry.info.size)),
    Column(
        "LastModifiedDate",
        "last_modified_date",
        Type.TIME,
        lambda _, entry: entry.info.modified_ns // 1_000_000_000 * 1000,
    ),
    Column("ETag", "e_tag", Type.TEXT, _of_data(lambda entry: entry.info.etag)),
    Column(
        "StorageClass",
        "storage_class",
        Type.TEXT,
        _of_data(lambda entry: entry.info.attributes.storage_class),
    ),
    Column(
        "IsMultipartUploaded",
        "is_multipart_uploaded",
        Type.SWITCH,
        _of_data(lambda entry: entry.info.parts > 0),
    ),
    Column("ReplicationStatus", "replication_status", Type.TEXT, _nothing),
    Column("EncryptionStatus", "encryption_status", Type.TEXT, _of_data(_encryption)),
    Column(
        "ObjectLockRetainUntilDate",
        "object_lock_retain_until_date",
        Type.TIME,
        _of_data(_retain_until),
    ),
    Column("ObjectLockMode", "object_lock_mode", Type.TEXT, _of_data(_lock_mode)),
    Column(
        "ObjectLockLegalHoldStatus",
        "object_lock_legal_hold_status",
        Type.TEXT,
        _of_data(_legal_hold),
    ),
    Column("IntelligentTieringAccessTier", "intelligent_tiering_access_tier", Type.TEXT, _nothing),
    Column("BucketKeyStatus", "bucket_key_status", Type.TEXT, _of_data(_bucket_key)),
    Column(
        "ChecksumAlgorithm",
        "checksum_algorithm",
        Type.TEXT,
        _of_data(lambda e: e.info.checksum.algorithm if e.info.checksum is not None else None),
    ),
    Column("ObjectAccessControlList", "object_access_control_list", Type.TEXT, _acl),
    Column("ObjectOwner", "object_owner", Type.TEXT, _owner),
)


def columns_of(inventory: Inventory) -> Sequence[Column]:
    """Return the columns, in AWS' order whatever the order of the configuration."""
    versions = _OF_VERSIONS if inventory.all_versions else ()
    wanted = [column for column in _OPTIONAL if column.name in inventory.fields]
    return (_BUCKET, _KEY, *versions, *wanted)
