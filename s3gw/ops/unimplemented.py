"""Operations of AWS that this server refuses on purpose, with the reasons.

Each is answered with 501 NotImplemented. A test checks that these, the implemented ones and the
older names are all that AWS' own model of S3 has.
"""

from __future__ import annotations

from collections.abc import Mapping

_ANALYTICS = "there are no storage classes that an analysis could propose"
_ANNOTATION = "annotations need an index of their own"
_DIRECTORY = "there are general purpose buckets only"
_TORRENT = "deprecated by AWS"
_ENCRYPTION = "a copy onto itself changes how an object is encrypted"
_METADATA = "AWS keeps these tables in another of its services"
_REPLICATION = "replication between buckets is not there yet"
_REPORT = "metrics are those of the whole server"

# AWS' older names for operations that share a route with a newer one; both get its answer.
LEGACY: Mapping[str, str] = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}

REFUSED: Mapping[str, str] = {
    "CreateBucketMetadataConfiguration": _METADATA,
    "CreateBucketMetadataTableConfiguration": _METADATA,
    "CreateSession": _DIRECTORY,
    "DeleteObjectAnnotation": _ANNOTATION,
    "GetObjectAnnotation": _ANNOTATION,
    "GetObjectTorrent": _TORRENT,
    "ListDirectoryBuckets": _DIRECTORY,
    "ListObjectAnnotations": _ANNOTATION,
    "PutBucketAnalyticsConfiguration": _ANALYTICS,
    "PutBucketIntelligentTieringConfiguration": _ANALYTICS,
    "PutBucketMetricsConfiguration": _REPORT,
    "PutBucketReplication": _REPLICATION,
    "PutObjectAnnotation": _ANNOTATION,
    "UpdateBucketMetadataAnnotationTableConfiguration": _METADATA,
    "UpdateBucketMetadataInventoryTableConfiguration": _METADATA,
    "UpdateBucketMetadataJournalTableConfiguration": _METADATA,
    "UpdateObjectEncryption": _ENCRYPTION,
    "WriteGetObjectResponse": "there are no Object Lambda functions",
}
