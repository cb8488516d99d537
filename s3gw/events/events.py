"""Events of objects, under AWS' names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from storage.values import NULL_VERSION, DeleteRequest, Deletion, ObjectInfo

TEST_EVENT = "s3:TestEvent"
# The MD5 of no bytes, as the ETag of a delete marker.
_ETAG_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


class EventName(Enum):
    """Every event of this server; AWS' others are about services that it does not have."""

    CREATED_PUT = "s3:ObjectCreated:Put"
    CREATED_POST = "s3:ObjectCreated:Post"
    CREATED_COPY = "s3:ObjectCreated:Copy"
    CREATED_UPLOAD = "s3:ObjectCreated:CompleteMultipartUpload"
    REMOVED = "s3:ObjectRemoved:Delete"
    REMOVED_MARKER = "s3:ObjectRemoved:DeleteMarkerCreated"
    TAGGING_PUT = "s3:ObjectTagging:Put"
    TAGGING_DELETED = "s3:ObjectTagging:Delete"
    ACL_PUT = "s3:ObjectAcl:Put"
    EXPIRED = "s3:LifecycleExpiration:Delete"
    EXPIRED_MARKER = "s3:LifecycleExpiration:DeleteMarkerCreated"

    @property
    def group(self) -> str:
        """The wildcard for all events of this kind."""
        return self.value.rpartition(":")[0] + ":*"


class ObjectEvent(Struct, frozen=True):
    """One event. `version` is None in a bucket without versions; `time_ns` is its time in
    nanoseconds since the epoch, None for now."""

    name: EventName
    key: str
    size: int | None = None
    etag: str | None = None
    version: str | None = None
    time_ns: int | None = None


def created(name: EventName, info: ObjectInfo) -> ObjectEvent:
    return ObjectEvent(
        name, info.name, info.size, info.etag, _version(info.version), info.modified_ns
    )


def changed(name: EventName, info: ObjectInfo) -> ObjectEvent:
    """Return the event for changed tags or ACLs of the same object."""
    return ObjectEvent(name, info.name, None, info.etag, _version(info.version))


def removed(request: DeleteRequest, deletion: Deletion) -> ObjectEvent:
    """Return the event, also for a missing object: the client may repeat a deletion because its
    answer was lost, and the event must not be lost with it."""
    return _gone(EventName.REMOVED, EventName.REMOVED_MARKER, request, deletion)


def expired(request: DeleteRequest, deletion: Deletion) -> ObjectEvent:
    """Return the event for a removal by a lifecycle rule."""
    return _gone(EventName.EXPIRED, EventName.EXPIRED_MARKER, request, deletion)


def _gone(
    plain: EventName, marker: EventName, request: DeleteRequest, deletion: Deletion
) -> ObjectEvent:
    version = _version(deletion.version)
    if deletion.delete_marker and request.version is None:
        return ObjectEvent(marker, request.name, None, _ETAG_OF_NOTHING, version)
    return ObjectEvent(plain, request.name, version=version)


def _version(version: str) -> str | None:
    return None if version == NULL_VERSION else version
