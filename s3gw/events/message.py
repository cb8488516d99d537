"""The message for an event: AWS' JSON, inside two members of MinIO.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

from time import gmtime, strftime
from urllib.parse import quote_plus

import msgspec
from msgspec import Struct, field

from cluster.requested_by import RequestedBy
from s3gw.events.events import TEST_EVENT, EventName, ObjectEvent
from storage.values import BucketInfo

_MS = 1_000_000
_SCHEMA_VERSION = "1.0"
# AWS' later versions add members about archives and replication.
_VERSION = "2.1"
_VERSION_2_3 = frozenset(
    {
        EventName.TAGGING_PUT,
        EventName.TAGGING_DELETED,
        EventName.ACL_PUT,
        EventName.EXPIRED,
        EventName.EXPIRED_MARKER,
    }
)
_ORDERED = ("s3:ObjectCreated:", "s3:ObjectRemoved:", "s3:LifecycleExpiration:")


class _Identity(Struct):
    principal_id: str = field(name="principalId")


class _Request(Struct):
    source_ip: str = field(name="sourceIPAddress")


class _Response(Struct):
    request_id: str = field(name="x-amz-request-id")
    host_id: str = field(name="x-amz-id-2")


class _Bucket(Struct):
    name: str
    owner: _Identity = field(name="ownerIdentity")
    arn: str


class _Object(Struct, omit_defaults=True):
    key: str
    size: int | None = None
    etag: str | None = field(default=None, name="eTag")
    version: str | None = field(default=None, name="versionId")
    sequencer: str | None = None


class _S3(Struct):
    schema: str = field(name="s3SchemaVersion")
    rule: str = field(name="configurationId")
    bucket: _Bucket
    object: _Object


class _Record(Struct):
    version: str = field(name="eventVersion")
    source: str = field(name="eventSource")
    region: str = field(name="awsRegion")
    time: str = field(name="eventTime")
    name: str = field(name="eventName")
    user: _Identity = field(name="userIdentity")
    request: _Request = field(name="requestParameters")
    response: _Response = field(name="responseElements")
    s3: _S3


class _Message(Struct):
    event_name: str = field(name="EventName")
    key: str = field(name="Key")
    records: list[_Record] = field(name="Records")


class _Test(Struct):
    service: str = field(name="Service")
    event: str = field(name="Event")
    time: str = field(name="Time")
    bucket: str = field(name="Bucket")
    request_id: str = field(name="RequestId")
    host_id: str = field(name="HostId")


class Origin(Struct, frozen=True):
    """The place and time of an event, in nanoseconds since the epoch."""

    bucket: BucketInfo
    region: str
    now_ns: int


def event_message(
    event: ObjectEvent, rule_id: str, origin: Origin, requested_by: RequestedBy
) -> bytes:
    time_ns = event.time_ns or origin.now_ns
    bucket = origin.bucket
    about = _S3(
        _SCHEMA_VERSION,
        rule_id,
        _Bucket(bucket.name, _Identity(bucket.owner), f"arn:aws:s3:::{bucket.name}"),
        _Object(
            _encoded(event.key), event.size, event.etag, event.version, _sequencer(event, time_ns)
        ),
    )
    record = _Record(
        version="2.3" if event.name in _VERSION_2_3 else _VERSION,
        source="aws:s3",
        region=origin.region,
        time=_iso_time(time_ns),
        name=event.name.value.removeprefix("s3:"),
        user=_Identity(requested_by.identity),
        request=_Request(requested_by.client),
        response=_Response(requested_by.request_id, requested_by.request_id),
        s3=about,
    )
    message = _Message(event.name.value, f"{bucket.name}/{event.key}", [record])
    return msgspec.json.encode(message)


def test_message(origin: Origin, requested_by: RequestedBy) -> bytes:
    """Return the message for a target when a bucket begins to notify it."""
    return msgspec.json.encode(
        _Test(
            "Amazon S3",
            TEST_EVENT,
            _iso_time(origin.now_ns),
            origin.bucket.name,
            requested_by.request_id,
            requested_by.request_id,
        )
    )


def _sequencer(event: ObjectEvent, time_ns: int) -> str | None:
    """Return a text that orders the events of one key; all have the same length, so that none
    needs padding."""
    return f"{time_ns:016X}" if event.name.value.startswith(_ORDERED) else None


def _encoded(key: str) -> str:
    """Encode a key as in forms: a space is a plus, slashes are kept."""
    return quote_plus(key, safe="/")


def _iso_time(ns: int) -> str:
    seconds, rest = divmod(ns // _MS, 1000)
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(seconds))}.{rest:03d}Z"
