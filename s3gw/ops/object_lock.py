"""Object lock: the bucket's default, each version's retention and legal hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.object_lock import (
    DefaultRetention,
    ObjectLockSetting,
    require_lock,
    with_legal_hold,
    with_retention,
)
from s3gw.s3.call import Call
from s3gw.s3.headers import named_version
from s3gw.s3.lock_headers import bypasses_governance, future_retention, retain_until
from s3gw.s3.routing import body, operation, path, query
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.clock import SystemClock
from storage.digits import read_digits
from storage.settings import setting, with_setting
from storage.values import (
    BucketInfo,
    LockMode,
    ObjectLock,
    ReadOptions,
    Retention,
    UpdateOptions,
    Versioning,
)

MAX_DAYS = 36_500
MAX_YEARS = 100
_CLOCK = SystemClock()


class Enabled(Enum):
    ENABLED = "Enabled"


class Status(Enum):
    ON = "ON"
    OFF = "OFF"


@dataclass(frozen=True, slots=True)
class DefaultRetentionRule:
    mode: LockMode
    days: str | None = None
    years: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectLockRule:
    default_retention: DefaultRetentionRule


@document("ObjectLockConfiguration")
@dataclass(frozen=True, slots=True)
class ObjectLockConfiguration:
    object_lock_enabled: Enabled | None = None
    rule: ObjectLockRule | None = None


@document("Retention", empty=Code.MalformedXML)
@dataclass(frozen=True, slots=True)
class RetentionDocument:
    mode: LockMode | None = None
    retain_until_date: str | None = None


@document("LegalHold", empty=Code.MalformedXML)
@dataclass(frozen=True, slots=True)
class LegalHold:
    status: Status


@operation("GET", Level.BUCKET, marker="object-lock", access=Access.HEAD_BUCKET)
class GetObjectLockConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        own = setting(call.bucket_info, ObjectLockSetting)
        if own is None:
            raise S3Error(Code.ObjectLockConfigurationNotFoundError, BucketName=self.bucket)
        rule = ObjectLockRule(_shown(own.default)) if own.default else None
        return xml_reply(ObjectLockConfiguration(Enabled.ENABLED, rule))


@operation("PUT", Level.BUCKET, marker="object-lock", access=Access.PATCH)
class PutObjectLockConfiguration:
    """Object lock may be switched on for a bucket with versions, and never off."""

    bucket: str = path("Bucket")
    configuration: ObjectLockConfiguration = body()

    async def run(self, call: Call) -> Reply:
        if self.configuration.object_lock_enabled is None:
            raise S3Error(Code.MalformedXML)
        rule = self.configuration.rule
        wanted = ObjectLockSetting(_default(rule.default_retention) if rule else None)

        def change(bucket: BucketInfo) -> BucketInfo:
            if bucket.versioning is not Versioning.ENABLED:
                what = "on the bucket to apply a Object Lock configuration"
                message = f"Versioning must be 'Enabled' {what}"
                raise S3Error(Code.InvalidBucketState, message)
            return with_setting(bucket, wanted)

        await call.store.update_bucket(self.bucket, change)
        return Reply()


def _default(rule: DefaultRetentionRule) -> DefaultRetention:
    """Return the default. Raise `MalformedXML` unless it has days or years, and
    `InvalidRetentionPeriod` for a bad number of them."""
    if (rule.days is None) == (rule.years is None):
        raise S3Error(Code.MalformedXML)
    days = None if rule.days is None else _period(rule.days, "days", MAX_DAYS)
    years = None if rule.years is None else _period(rule.years, "years", MAX_YEARS)
    return DefaultRetention(rule.mode, days, years)


def _period(text: str, unit: str, most: int) -> int:
    text = text.strip()
    count = read_digits(text.removeprefix("-"))
    if count is None:
        raise S3Error(Code.MalformedXML)
    if count == 0 or text.startswith("-"):
        message = f"Default retention period must be a positive integer value of {unit}."
        raise S3Error(Code.InvalidRetentionPeriod, message)
    if count > most:
        message = f"Default retention period is too large: {most} {unit} at most."
        raise S3Error(Code.InvalidRetentionPeriod, message)
    return count


def _shown(default: DefaultRetention) -> DefaultRetentionRule:
    days = None if default.days is None else str(default.days)
    years = None if default.years is None else str(default.years)
    return DefaultRetentionRule(default.mode, days, years)


@operation("GET", Level.OBJECT, marker="retention", access=Access.HEAD_OBJECT)
class GetObjectRetention:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        lock = await _lock_of(call, self.version_id)
        if lock.retention is None:
            raise S3Error(Code.NoSuchObjectLockConfiguration)
        until = retain_until(lock.retention)
        return xml_reply(RetentionDocument(lock.retention.mode, until))


@operation("PUT", Level.OBJECT, marker="retention", access=Access.UPDATE_OBJECT)
class PutObjectRetention:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    retention: RetentionDocument = body()

    async def run(self, call: Call) -> Reply:
        require_lock(call.bucket_info)
        now_ns = _CLOCK.now_ns()
        wanted, bypass = self._wanted(now_ns), bypasses_governance(call.headers)
        await call.store.update_object(
            self.bucket,
            self.key,
            lambda old: with_retention(old, wanted, now_ns, bypass_governance=bypass),
            UpdateOptions(version=named_version(self.version_id)),
        )
        return Reply()

    def _wanted(self, now_ns: int) -> Retention | None:
        """Return the retention; None for an empty document, to remove it."""
        mode, until = self.retention.mode, self.retention.retain_until_date
        if mode is None and until is None:
            return None
        if mode is None or until is None:
            raise S3Error(Code.MalformedXML)
        return future_retention(mode, until.strip(), now_ns, "RetainUntilDate")


@operation("GET", Level.OBJECT, marker="legal-hold", access=Access.HEAD_OBJECT)
class GetObjectLegalHold:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        lock = await _lock_of(call, self.version_id)
        if lock.legal_hold is None:
            raise S3Error(Code.NoSuchObjectLockConfiguration)
        return xml_reply(LegalHold(Status.ON if lock.legal_hold else Status.OFF))


@operation("PUT", Level.OBJECT, marker="legal-hold", access=Access.UPDATE_OBJECT)
class PutObjectLegalHold:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    legal_hold: LegalHold = body()

    async def run(self, call: Call) -> Reply:
        require_lock(call.bucket_info)
        on = self.legal_hold.status is Status.ON
        await call.store.update_object(
            self.bucket,
            self.key,
            lambda old: with_legal_hold(old, on=on),
            UpdateOptions(version=named_version(self.version_id)),
        )
        return Reply()


async def _lock_of(call: Call, version_id: str | None) -> ObjectLock:
    require_lock(call.bucket_info)
    options = ReadOptions(version=named_version(version_id))
    reading = await call.store.head_object(call.bucket, call.key, options)
    return reading.info.attributes.lock or ObjectLock()
