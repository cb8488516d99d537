"""GetBucketLogging and PutBucketLogging.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html
"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access, authorize_writing, may_deliver_logs, read_policy_ahead
from s3gw.events.log_target import LoggingTarget, Partition, Source, log_key
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import MAX_KEY, Level
from s3gw.identity.namespaces import is_in_namespace
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.clock import SystemClock
from storage.errors import BucketNotFound
from storage.settings import setting, with_setting, without_setting

# Room for the rest of a key: partitions, time and the unique end.
_MAX_PREFIX = MAX_KEY - 224
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class TargetGrant:
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class TargetGrants:
    grants: tuple[TargetGrant, ...] = named("Grant")


@dataclass(frozen=True, slots=True)
class PartitionedPrefix:
    partition_date_source: str | None = None


@dataclass(frozen=True, slots=True)
class TargetObjectKeyFormat:
    """`simple_prefix` is an empty element: its presence is all that counts."""

    simple_prefix: str | None = None
    partitioned_prefix: PartitionedPrefix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingEnabled:
    target_bucket: str
    target_grants: TargetGrants | None = None
    target_object_key_format: TargetObjectKeyFormat | None = None
    target_prefix: str


@document("BucketLoggingStatus")
@dataclass(frozen=True, slots=True)
class BucketLoggingStatus:
    logging_enabled: LoggingEnabled | None = None


@operation("GET", Level.BUCKET, marker="logging", access=Access.HEAD_BUCKET)
class GetBucketLogging:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        target = setting(call.bucket_info, LoggingTarget)
        return xml_reply(BucketLoggingStatus(_shown(target) if target else None))


@operation("PUT", Level.BUCKET, marker="logging", access=Access.PATCH)
class PutBucketLogging:
    bucket: str = path("Bucket")
    status: BucketLoggingStatus = body()

    async def run(self, call: Call) -> Reply:
        asked = self.status.logging_enabled
        if asked is None:
            await call.store.update_bucket(
                self.bucket, lambda info: without_setting(info, LoggingTarget)
            )
            return Reply()
        target = _target(asked)
        await _check_target_bucket(call, target)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, target))
        return Reply()


def _target(asked: LoggingEnabled) -> LoggingTarget:
    """Return the target. Raise `NotImplemented`, `InvalidArgument` and `MalformedXML`."""
    if asked.target_grants is not None and asked.target_grants.grants:
        raise S3Error(
            Code.NotImplemented, "Log objects belong to the target bucket's owner, without grants."
        )
    if len(asked.target_prefix.encode()) > _MAX_PREFIX:
        message = f"The target prefix must not be longer than {_MAX_PREFIX} bytes."
        raise S3Error(Code.InvalidArgument, message, ArgumentName="TargetPrefix")
    key_format = asked.target_object_key_format
    if key_format is None:
        return LoggingTarget(asked.target_bucket, asked.target_prefix)
    return LoggingTarget(asked.target_bucket, asked.target_prefix, _partition(key_format), True)


def _partition(asked: TargetObjectKeyFormat) -> Partition:
    """Return the format, exactly one of the two; a partitioned one uses the day of delivery by
    default."""
    partitioned = asked.partitioned_prefix
    if (partitioned is None) == (asked.simple_prefix is None):
        raise S3Error(Code.MalformedXML)
    if partitioned is None:
        return Partition.SIMPLE
    try:
        return Partition(partitioned.partition_date_source or Partition.DELIVERY_TIME.value)
    except ValueError:
        raise S3Error(Code.MalformedXML) from None


async def _check_target_bucket(call: Call, target: LoggingTarget) -> None:
    """AWS needs a grant to its logging service; here it takes the same owner, a policy that does
    not deny it, and a caller who may write there."""
    source = call.bucket_info
    try:
        if is_in_namespace(target.bucket):
            raise BucketNotFound(target.bucket)
        bucket = await call.store.head_bucket(target.bucket)
    except BucketNotFound:
        code, message = (
            Code.InvalidTargetBucketForLogging,
            "The target bucket for logging does not exist",
        )
        raise S3Error(code, message, TargetBucket=target.bucket) from None
    logged = Source(source.name, source.owner, call.site.region)
    some_key = log_key(logged, target, _CLOCK.now_ns(), "0")
    await read_policy_ahead(bucket)
    if bucket.owner != call.owner or not may_deliver_logs(bucket, some_key, source):
        raise S3Error(Code.InvalidTargetBucketForLogging, TargetBucket=target.bucket)
    await authorize_writing(call, bucket, target.prefix)


def _shown(target: LoggingTarget) -> LoggingEnabled:
    return LoggingEnabled(
        target_bucket=target.bucket,
        target_object_key_format=_shown_format(target) if target.shown_format else None,
        target_prefix=target.prefix,
    )


def _shown_format(target: LoggingTarget) -> TargetObjectKeyFormat:
    if target.partition is Partition.SIMPLE:
        return TargetObjectKeyFormat(simple_prefix="")
    return TargetObjectKeyFormat(partitioned_prefix=PartitionedPrefix(target.partition.value))
