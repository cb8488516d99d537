"""XML shapes that several documents share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3gw.access.ownership import HoldsForeignObjects, enforces_owner
from s3gw.s3.call import Call
from storage.settings import setting
from storage.values import BucketInfo, Checksum


@dataclass(frozen=True, slots=True)
class Owner:
    """An account as S3 shows it; `id` is its canonical id."""

    display_name: str | None
    id: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """One common prefix."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str


def owner_of(call: Call, account: str) -> Owner:
    return Owner(call.display_name(account), account)


def initiator_of(call: Call, caller: str) -> Owner:
    """Return who began an upload. AWS names no owners any more, but whoever acted."""
    return Owner(call.display_name(caller) or caller, caller)


def owners_in(call: Call) -> Callable[[str], Owner]:
    """Return a function from the account that an object's attributes name to the object's owner,
    for the request's bucket."""
    bucket, whole = call.bucket_info, owner_of(call, call.bucket_info.owner)
    if setting(bucket, HoldsForeignObjects) is None:
        return lambda _: whole
    return lambda account: owner_of(call, object_owner(bucket, account))


def object_owner(bucket: BucketInfo, account: str) -> str:
    """Return the account id of an object's owner: the bucket's, unless the object's attributes name
    another `account`, which wrote it."""
    if not account or enforces_owner(bucket):
        return bucket.owner
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChecksums:
    """One element for each algorithm; at most one is present."""

    checksum_crc32: str | None = None
    checksum_crc32c: str | None = None
    checksum_crc64nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None
    checksum_sha512: str | None = None
    checksum_md5: str | None = None
    checksum_xxhash64: str | None = None
    checksum_xxhash3: str | None = None
    checksum_xxhash128: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChecksums(PartChecksums):
    """A whole object's checksum has a type: what it was computed of."""

    checksum_type: str | None = None


def part_checksum(checksum: Checksum | None) -> dict[str, str]:
    """Return the fields of `PartChecksums`."""
    return {f"checksum_{checksum.algorithm.lower()}": checksum.value} if checksum else {}


def object_checksum(checksum: Checksum | None) -> dict[str, str]:
    """Return the fields of `ObjectChecksums`."""
    kind = {"checksum_type": checksum.type.value} if checksum else {}
    return part_checksum(checksum) | kind
