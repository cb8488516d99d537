"""XML shapes that several documents share."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.message import Call
from storage.values import Checksum


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChecksums:
    """One element for each algorithm; at most one is there."""

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
    """A whole object's checksum says of what it was computed."""

    checksum_type: str | None = None


def part_checksum(checksum: Checksum | None) -> dict[str, str]:
    """The fields of `PartChecksums`."""
    return {f"checksum_{checksum.algorithm.lower()}": checksum.value} if checksum else {}


def object_checksum(checksum: Checksum | None) -> dict[str, str]:
    """The fields of `ObjectChecksums`."""
    kind = {"checksum_type": checksum.type.value} if checksum else {}
    return part_checksum(checksum) | kind
