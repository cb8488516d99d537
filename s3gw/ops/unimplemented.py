"""The operations of AWS that this server refuses on purpose, each with its reason.

Each is answered with 501 NotImplemented. A test holds that these and the implemented ones are all
that AWS' own model of S3 knows.
"""

from __future__ import annotations

from collections.abc import Mapping

_ABAC = "policies cannot ask for the tags of buckets"
_ACCELERATE = "there is no network of edge locations to accelerate with"
_ANALYTICS = "there are no storage classes that an analysis could propose"
_ANNOTATION = "annotations need an index of their own"
_CORS = "browsers are let in with the access policies"
_DIRECTORY = "there are general purpose buckets only"
_ENCRYPTION = "objects are not encrypted at rest"
_LEGACY = "deprecated by AWS"
_LIFECYCLE = "objects do not expire by rule yet"
_LOCK = "object lock needs versioning"
_LOGGING = "the server writes one access log, not one for each bucket"
_METADATA = "AWS keeps these tables in another of its services"
_NOTIFICATION = "there is no event service to notify"
_PAYMENT = "nobody pays for requests"
_REPLICATION = "replication between buckets is not there yet"
_REPORT = "inventories and metrics are those of the whole server"
_TAGGING = "nothing reads the tags of buckets yet"
_VERSIONING = "objects have one version"
_WEBSITE = "the server serves objects, not websites"

REFUSED: Mapping[str, str] = {
    "CreateBucketMetadataConfiguration": _METADATA,
    "CreateBucketMetadataTableConfiguration": _METADATA,
    "CreateSession": _DIRECTORY,
    "DeleteBucketAnalyticsConfiguration": _ANALYTICS,
    "DeleteBucketCors": _CORS,
    "DeleteBucketEncryption": _ENCRYPTION,
    "DeleteBucketIntelligentTieringConfiguration": _ANALYTICS,
    "DeleteBucketInventoryConfiguration": _REPORT,
    "DeleteBucketLifecycle": _LIFECYCLE,
    "DeleteBucketMetadataConfiguration": _METADATA,
    "DeleteBucketMetadataTableConfiguration": _METADATA,
    "DeleteBucketMetricsConfiguration": _REPORT,
    "DeleteBucketReplication": _REPLICATION,
    "DeleteBucketTagging": _TAGGING,
    "DeleteBucketWebsite": _WEBSITE,
    "DeleteObjectAnnotation": _ANNOTATION,
    "GetBucketAbac": _ABAC,
    "GetBucketAccelerateConfiguration": _ACCELERATE,
    "GetBucketAnalyticsConfiguration": _ANALYTICS,
    "GetBucketCors": _CORS,
    "GetBucketEncryption": _ENCRYPTION,
    "GetBucketIntelligentTieringConfiguration": _ANALYTICS,
    "GetBucketInventoryConfiguration": _REPORT,
    "GetBucketLifecycle": _LEGACY,
    "GetBucketLifecycleConfiguration": _LIFECYCLE,
    "GetBucketLogging": _LOGGING,
    "GetBucketMetadataConfiguration": _METADATA,
    "GetBucketMetadataTableConfiguration": _METADATA,
    "GetBucketMetricsConfiguration": _REPORT,
    "GetBucketNotification": _LEGACY,
    "GetBucketNotificationConfiguration": _NOTIFICATION,
    "GetBucketReplication": _REPLICATION,
    "GetBucketRequestPayment": _PAYMENT,
    "GetBucketTagging": _TAGGING,
    "GetBucketWebsite": _WEBSITE,
    "GetObjectAnnotation": _ANNOTATION,
    "GetObjectLegalHold": _LOCK,
    "GetObjectLockConfiguration": _LOCK,
    "GetObjectRetention": _LOCK,
    "GetObjectTorrent": _LEGACY,
    "ListBucketAnalyticsConfigurations": _ANALYTICS,
    "ListBucketIntelligentTieringConfigurations": _ANALYTICS,
    "ListBucketInventoryConfigurations": _REPORT,
    "ListBucketMetricsConfigurations": _REPORT,
    "ListDirectoryBuckets": _DIRECTORY,
    "ListObjectAnnotations": _ANNOTATION,
    "PutBucketAbac": _ABAC,
    "PutBucketAccelerateConfiguration": _ACCELERATE,
    "PutBucketAnalyticsConfiguration": _ANALYTICS,
    "PutBucketCors": _CORS,
    "PutBucketEncryption": _ENCRYPTION,
    "PutBucketIntelligentTieringConfiguration": _ANALYTICS,
    "PutBucketInventoryConfiguration": _REPORT,
    "PutBucketLifecycle": _LEGACY,
    "PutBucketLifecycleConfiguration": _LIFECYCLE,
    "PutBucketLogging": _LOGGING,
    "PutBucketMetricsConfiguration": _REPORT,
    "PutBucketNotification": _LEGACY,
    "PutBucketNotificationConfiguration": _NOTIFICATION,
    "PutBucketReplication": _REPLICATION,
    "PutBucketRequestPayment": _PAYMENT,
    "PutBucketTagging": _TAGGING,
    "PutBucketVersioning": _VERSIONING,
    "PutBucketWebsite": _WEBSITE,
    "PutObjectAnnotation": _ANNOTATION,
    "PutObjectLegalHold": _LOCK,
    "PutObjectLockConfiguration": _LOCK,
    "PutObjectRetention": _LOCK,
    "RenameObject": _DIRECTORY,
    "RestoreObject": "nothing is archived, so there is nothing to restore",
    "SelectObjectContent": "closed to new customers by AWS",
    "UpdateBucketMetadataAnnotationTableConfiguration": _METADATA,
    "UpdateBucketMetadataInventoryTableConfiguration": _METADATA,
    "UpdateBucketMetadataJournalTableConfiguration": _METADATA,
    "UpdateObjectEncryption": _ENCRYPTION,
    "WriteGetObjectResponse": "there are no Object Lambda functions",
}
