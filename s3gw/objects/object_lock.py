"""Object lock: what keeps a version from being removed, and who may change that.

A bucket with the `ObjectLockSetting` locks; its default retention is given to every new version
that brings none of its own. Storage enforces what stands in an object's attributes; here stand the
headers, and the rules by which a retention may change.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import iso_time
from storage.settings import Setting, setting
from storage.values import Attributes, BucketInfo, LockMode, ObjectLock, Retention

MODE = "x-amz-object-lock-mode"
UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"
BYPASS = "x-amz-bypass-governance-retention"

_NS = 1_000_000_000
_DAY_S = 24 * 3600
_YEAR_DAYS = 365
_NO_LOCK = "Bucket is missing Object Lock Configuration"


class DefaultRetention(msgspec.Struct, frozen=True):
    """Of days or of years, one is None."""

    mode: LockMode
    days: int | None = None
    years: int | None = None

    def from_now(self, now_ns: int) -> Retention:
        days = self.days if self.days is not None else (self.years or 0) * _YEAR_DAYS
        return Retention(self.mode, now_ns + days * _DAY_S * _NS)


class ObjectLockSetting(Setting, frozen=True):
    """That a bucket has one means that it locks, for ever."""

    setting_name: ClassVar[str] = "object-lock"

    default: DefaultRetention | None = None


def require_lock(bucket: BucketInfo) -> None:
    """Raises `InvalidRequest` on a bucket that does not lock."""
    if setting(bucket, ObjectLockSetting) is None:
        raise S3Error(Code.InvalidRequest, _NO_LOCK)


def bypasses_governance(headers: Mapping[str, str]) -> bool:
    return headers.get(BYPASS, "").lower() == "true"


def read_lock(headers: Mapping[str, str], bucket: BucketInfo, now_ns: int) -> ObjectLock | None:
    """The lock of a new version: from the headers, else from the bucket's default."""
    retention, hold = _retention_header(headers, now_ns), _legal_hold_header(headers)
    own = setting(bucket, ObjectLockSetting)
    if own is None:
        if retention is None and hold is None:
            return None
        raise S3Error(Code.InvalidRequest, _NO_LOCK)
    if retention is None and own.default is not None:
        retention = own.default.from_now(now_ns)
    return None if retention is None and hold is None else ObjectLock(retention, hold)


def _retention_header(headers: Mapping[str, str], now_ns: int) -> Retention | None:
    mode, until = headers.get(MODE), headers.get(UNTIL)
    if mode is None and until is None:
        return None
    if mode is None or until is None:
        message = f"{MODE} and {UNTIL} must both be supplied"
        raise S3Error(Code.InvalidArgument, message)
    try:
        known = LockMode(mode)
    except ValueError:
        message = "Unknown wormMode directive."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=MODE) from None
    return future_retention(known, until, now_ns)


def _legal_hold_header(headers: Mapping[str, str]) -> bool | None:
    status = headers.get(LEGAL_HOLD)
    if status is not None and status not in ("ON", "OFF"):
        message = "Legal Hold must be either of 'ON' or 'OFF'"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=LEGAL_HOLD)
    return None if status is None else status == "ON"


def future_retention(mode: LockMode, until: str, now_ns: int) -> Retention:
    """Raises `InvalidArgument` unless `until` is an ISO 8601 time that is still to come."""
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        message = "The retain until date must be provided in ISO 8601 format"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=UNTIL) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    until_ns = int(moment.timestamp() * 1000) * (_NS // 1000)
    if until_ns <= now_ns:
        message = "The retain until date must be in the future!"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=UNTIL)
    return Retention(mode, until_ns)


def with_retention(
    attributes: Attributes, new: Retention | None, now_ns: int, *, bypass_governance: bool
) -> Attributes:
    """Other retention on the same version. Raises `AccessDenied` for what would weaken it."""
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


def lock_headers(lock: ObjectLock | None) -> dict[str, str]:
    """What GetObject and HeadObject say of a version's lock."""
    if lock is None:
        return {}
    headers = {}
    if lock.retention:
        headers[MODE] = lock.retention.mode.value
        headers[UNTIL] = retain_until(lock.retention)
    if lock.legal_hold is not None:
        headers[LEGAL_HOLD] = "ON" if lock.legal_hold else "OFF"
    return headers


def retain_until(retention: Retention) -> str:
    """To the millisecond: a client may send the very time back, and must not shorten by it."""
    whole = iso_time(retention.until_ns // _NS)
    return f"{whole[:-5]}.{retention.until_ns % _NS // 1_000_000:03d}Z"
