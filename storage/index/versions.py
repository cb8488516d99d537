"""Rules for the versions of a name: lookup, ids of new ones, removal."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from storage.errors import (
    DeleteMarkerFound,
    ObjectLocked,
    ObjectNotFound,
    StorageError,
    VersionNotFound,
)
from storage.index.rows import Empty, Row
from storage.values import NO_ATTRIBUTES, NULL_VERSION, BucketInfo, ObjectInfo, Versioning


class Bucket(NamedTuple):
    """A bucket as an operation found it: its id, for good, and its facts at that time."""

    key: int
    info: BucketInfo

    @property
    def label(self) -> str:
        """Where its objects are placed by, and what their blobs say."""
        return self.info.lasting_name


class Home(NamedTuple):
    """A bucket as the transaction finds it: its id, and what becomes of replaced versions."""

    key: int
    versioning: Versioning

    @property
    def keeps(self) -> bool:
        return self.versioning is Versioning.ENABLED

    @property
    def ever_versioned(self) -> bool:
        return self.versioning is not Versioning.NEVER


class Stored(NamedTuple):
    """A version as the transaction finds it. `payload` and `age` are for that transaction: where it
    has the payload, or the payload itself, and the place among the older versions, None for the
    current object."""

    row: Row
    payload: bytes | int | None
    age: int | None = None


def new_version(versioning: Versioning) -> str:
    """An id for a version that is to be written, if the bucket keeps versions."""
    return os.urandom(16).hex() if versioning is Versioning.ENABLED else NULL_VERSION


def versioned(row: Row, home: Home) -> Row:
    """The row with the version that the bucket wants now. Its blob was labelled before: the
    bucket's state may be another since."""
    if home.keeps == (row.version != NULL_VERSION):
        return row
    return msgspec.structs.replace(row, version=new_version(home.versioning))


def counted(row: Row, current: Stored | None) -> Row:
    """The row as the next write of its name."""
    if current is None or current.row.delete_marker:
        return row
    return msgspec.structs.replace(row, writes=current.row.writes + 1)


def delete_marker(home: Home, now_ns: int) -> Row:
    version = new_version(home.versioning)
    return Row(0, "", now_ns, NO_ATTRIBUTES, Empty(), version=version, delete_marker=True)


def readable(row: Row | None, name: str, version: str | None) -> Row:
    """The row, if it is an object's. Raises `ObjectNotFound`, `VersionNotFound`,
    `DeleteMarkerFound`."""
    if row is None:
        raise missing(name, version)
    if row.delete_marker:
        raise DeleteMarkerFound(name, row.version, row.modified_ns, named=version is not None)
    return row


def missing(name: str, version: str | None) -> StorageError:
    return ObjectNotFound(name) if version is None else VersionNotFound(version)


def info_of(stored: Stored | None, name: str) -> ObjectInfo | None:
    """What a condition is compared with: a delete marker is not an object."""
    if stored is None or stored.row.delete_marker:
        return None
    return stored.row.info(name)


def require_removable(
    stored: Stored | None,
    name: str,
    now_ns: Callable[[], int],
    *,
    bypass_governance: bool = False,
) -> None:
    """Raises `ObjectLocked`. The clock is read if there is a lock."""
    lock = stored.row.attributes.lock if stored else None
    if lock and lock.forbids_removal(now_ns(), bypass_governance=bypass_governance):
        raise ObjectLocked(name)
