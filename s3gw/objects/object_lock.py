"""Object lock: protection of versions, and who may change it.

A bucket with the `ObjectLockSetting` locks; its default retention is for every new version without
one of its own. Storage enforces an object's attributes; here are the rules by which a retention may
change.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from s3gw.wire.errors import Code, S3Error
from storage.settings import Setting, setting
from storage.values import Attributes, BucketInfo, LockMode, ObjectLock, Retention

_NS = 1_000_000_000
_DAY_S = 24 * 3600
_YEAR_DAYS = 365
NO_LOCK = "Bucket is missing Object Lock Configuration"


class DefaultRetention(msgspec.Struct, frozen=True):
    """Retention in days or in years; the other is None."""

    mode: LockMode
    days: int | None = None
    years: int | None = None

    def from_now(self, now_ns: int) -> Retention:
        days = self.days if self.days is not None else (self.years or 0) * _YEAR_DAYS
        return Retention(self.mode, now_ns + days * _DAY_S * _NS)


class ObjectLockSetting(Setting, frozen=True):
    """A bucket with this setting locks, for ever."""

    setting_name: ClassVar[str] = "object-lock"

    default: DefaultRetention | None = None


def default_lock(bucket: BucketInfo, now_ns: int) -> ObjectLock | None:
    """Return the lock of a new version without one of its own."""
    own = setting(bucket, ObjectLockSetting)
    if own is None or own.default is None:
        return None
    return ObjectLock(own.default.from_now(now_ns), None)


def require_lock(bucket: BucketInfo) -> None:
    """Raise `InvalidRequest` on a bucket that does not lock."""
    if setting(bucket, ObjectLockSetting) is None:
        raise S3Error(Code.InvalidRequest, NO_LOCK)


def with_retention(
    attributes: Attributes, new: Retention | None, now_ns: int, *, bypass_governance: bool
) -> Attributes:
    """Return the attributes with the new retention. Raise `AccessDenied` for a weaker one."""
    lock = attributes.lock or ObjectLock()
    old = lock.retention
    if old is not None and old.until_ns > now_ns and not _strengthens(old, new):
        bypassed = old.mode is LockMode.GOVERNANCE and bypass_governance
        if not bypassed:
            message = "Access Denied because object protected by object lock."
            raise S3Error(Code.AccessDenied, message)
    return msgspec.structs.replace(attributes, lock=ObjectLock(new, lock.legal_hold))


def _strengthens(old: Retention, new: Retention | None) -> bool:
    return new is not None and new.mode is old.mode and new.until_ns >= old.until_ns


def with_legal_hold(attributes: Attributes, *, on: bool) -> Attributes:
    lock = attributes.lock or ObjectLock()
    return msgspec.structs.replace(attributes, lock=ObjectLock(lock.retention, on))
