"""The operations of AWS that this server refuses on purpose, each with its reason.

Each is answered with 501 NotImplemented. A test holds that these, the implemented ones and those
that are only older names are all that AWS' own model of S3 knows.
"""

from __future__ import annotations

from collections.abc import Mapping

_ACL = "ACLs beyond the owner's full control come with the access policies"
_ANALYTICS = "there are no storage classes that an analysis could propose"
_ANNOTATION = "annotations need an index of their own"
_DIRECTORY = "there are general purpose buckets only"
_TORRENT = "deprecated by AWS"
_ENCRYPTION = "a copy onto itself changes how an object is encrypted"
_METADATA = "AWS keeps these tables in another of its services"
_OWNERSHIP = "the bucket's owner owns every object in it"
_POLICY = "a bucket belongs to one account; access policies are not there yet"
_REPLICATION = "replication between buckets is not there yet"
_REPORT = "inventories and metrics are those of the whole server"

# AWS' names of old for what has one route with a newer operation, which answers both.
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
    "DeleteBucketOwnershipControls": _OWNERSHIP,
    "DeleteBucketPolicy": _POLICY,
    "DeleteObjectAnnotation": _ANNOTATION,
    "DeletePublicAccessBlock": _POLICY,
    "GetBucketOwnershipControls": _OWNERSHIP,
    "GetBucketPolicy": _POLICY,
    "GetBucketPolicyStatus": _POLICY,
    "GetObjectAnnotation": _ANNOTATION,
    "GetObjectTorrent": _TORRENT,
    "GetPublicAccessBlock": _POLICY,
    "ListDirectoryBuckets": _DIRECTORY,
    "ListObjectAnnotations": _ANNOTATION,
    "PutBucketAcl": _ACL,
    "PutBucketAnalyticsConfiguration": _ANALYTICS,
    "PutBucketIntelligentTieringConfiguration": _ANALYTICS,
    "PutBucketInventoryConfiguration": _REPORT,
    "PutBucketMetricsConfiguration": _REPORT,
    "PutBucketOwnershipControls": _OWNERSHIP,
    "PutBucketPolicy": _POLICY,
    "PutBucketReplication": _REPLICATION,
    "PutObjectAcl": _ACL,
    "PutObjectAnnotation": _ANNOTATION,
    "PutPublicAccessBlock": _POLICY,
    "SelectObjectContent": "closed to new customers by AWS",
    "UpdateBucketMetadataAnnotationTableConfiguration": _METADATA,
    "UpdateBucketMetadataInventoryTableConfiguration": _METADATA,
    "UpdateBucketMetadataJournalTableConfiguration": _METADATA,
    "UpdateObjectEncryption": _ENCRYPTION,
    "WriteGetObjectResponse": "there are no Object Lambda functions",
}
