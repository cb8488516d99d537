"""Object lock headers: the lock of a new version, and of replies.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from s3gw.objects.object_lock import NO_LOCK, ObjectLockSetting
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import iso_time
from storage.settings import setting
from storage.values import BucketInfo, LockMode, ObjectLock, Retention

MODE = "x-amz-object-lock-mode"
UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"
BYPASS = "x-amz-bypass-governance-retention"

_NS = 1_000_000_000


def check_bypass(headers: Mapping[str, str], bucket: BucketInfo) -> None:
    """Raise `InvalidArgument` for the header on a bucket that does not lock, whatever it says."""
    if BYPASS in headers and setting(bucket, ObjectLockSetting) is None:
        message = f"{BYPASS} is only applicable to Object Lock enabled buckets."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=BYPASS)


def bypasses_governance(headers: Mapping[str, str]) -> bool:
    return headers.get(BYPASS, "").lower() == "true"


def read_lock(headers: Mapping[str, str], bucket: BucketInfo, now_ns: int) -> ObjectLock | None:
    """Return the lock of a new version: from the headers, else from the bucket's default."""
    retention, hold = _retention_header(headers, now_ns), _legal_hold_header(headers)
    own = setting(bucket, ObjectLockSetting)
    if own is None:
        if retention is None and hold is None:
            return None
        raise S3Error(Code.InvalidRequest, NO_LOCK)
    if retention is None and own.default is not None:
        retention = own.default.from_now(now_ns)
    return None if retention is None and hold is None else ObjectLock(retention, hold)


def _retention_header(headers: Mapping[str, str], now_ns: int) -> Retention | None:
    mode, until = headers.get(MODE), headers.get(UNTIL)
    if mode is None and until is None:
        return None
    if mode is None or until is None:
        message = f"{UNTIL} and {MODE} must both be supplied"
        missing = MODE if mode is None else UNTIL
        raise S3Error(Code.InvalidArgument, message, ArgumentName=missing)
    try:
        known = LockMode(mode)
    except ValueError:
        message = "Unknown wormMode directive."
        raise S3Error(
            Code.InvalidArgument, message, ArgumentName=MODE, ArgumentValue=mode
        ) from None
    return future_retention(known, until, now_ns)


def _legal_hold_header(headers: Mapping[str, str]) -> bool | None:
    status = headers.get(LEGAL_HOLD)
    if status is not None and status not in ("ON", "OFF"):
        message = "Legal Hold must be either of 'ON' or 'OFF'"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=LEGAL_HOLD)
    return None if status is None else status == "ON"


def future_retention(mode: LockMode, until: str, now_ns: int, argument: str = UNTIL) -> Retention:
    """Return the retention. Raise `InvalidArgument` unless `until` is an ISO 8601 time in the
    future."""
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        message = "The retain until date must be provided in ISO 8601 format"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=argument) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    until_ns = int(moment.timestamp() * 1000) * (_NS // 1000)
    if until_ns <= now_ns:
        message = "The retain until date must be in the future!"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=argument)
    return Retention(mode, until_ns)


def lock_headers(lock: ObjectLock | None) -> dict[str, str]:
    """Return the headers of a version's lock in GetObject and HeadObject."""
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
    """Format the time to the millisecond: a client may send the very time back, and must not
    shorten by it."""
    whole = iso_time(retention.until_ns // _NS)
    return f"{whole[:-5]}.{retention.until_ns % _NS // 1_000_000:03d}Z"
