"""The actions of S3's policies that each operation needs.

A line of the table is an operation, its action, and the action that replaces it when the request
names a version. Operations that are refused are listed too, so that a policy can name their
actions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

_TABLE = """
    AbortMultipartUpload                  AbortMultipartUpload
    CompleteMultipartUpload               PutObject
    CopyObject                            PutObject
    CreateBucket                          CreateBucket
    CreateBucketMetadataConfiguration     CreateBucketMetadataTableConfiguration
    CreateBucketMetadataTableConfiguration CreateBucketMetadataTableConfiguration
    CreateMultipartUpload                 PutObject
    CreateSession                         CreateSession
    DeleteBucket                          DeleteBucket
    DeleteBucketAnalyticsConfiguration    PutAnalyticsConfiguration
    DeleteBucketCors                      PutBucketCORS
    DeleteBucketEncryption                PutEncryptionConfiguration
    DeleteBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration
    DeleteBucketInventoryConfiguration    PutInventoryConfiguration
    DeleteBucketLifecycle                 PutLifecycleConfiguration
    DeleteBucketMetadataConfiguration     DeleteBucketMetadataTableConfiguration
    DeleteBucketMetadataTableConfiguration DeleteBucketMetadataTableConfiguration
    DeleteBucketMetricsConfiguration      PutMetricsConfiguration
    DeleteBucketOwnershipControls         PutBucketOwnershipControls
    DeleteBucketPolicy                    DeleteBucketPolicy
    DeleteBucketReplication               PutReplicationConfiguration
    DeleteBucketTagging                   PutBucketTagging
    DeleteBucketWebsite                   DeleteBucketWebsite
    DeleteObject                          DeleteObject            DeleteObjectVersion
    DeleteObjectAnnotation                DeleteObjectAnnotation
    DeleteObjectTagging                   DeleteObjectTagging     DeleteObjectVersionTagging
    DeleteObjects                         DeleteObject            DeleteObjectVersion
    DeletePublicAccessBlock               PutBucketPublicAccessBlock
    GetBatch                              GetObject
    GetBucketAbac                         GetBucketAbac
    GetBucketAccelerateConfiguration      GetAccelerateConfiguration
    GetBucketAcl                          GetBucketAcl
    GetBucketAnalyticsConfiguration       GetAnalyticsConfiguration
    GetBucketCors                         GetBucketCORS
    GetBucketEncryption                   GetEncryptionConfiguration
    GetBucketIntelligentTieringConfiguration GetIntelligentTieringConfiguration
    GetBucketInventoryConfiguration       GetInventoryConfiguration
    GetBucketLifecycle                    GetLifecycleConfiguration
    GetBucketLifecycleConfiguration       GetLifecycleConfiguration
    GetBucketLocation                     GetBucketLocation
    GetBucketLogging                      GetBucketLogging
    GetBucketMetadataConfiguration        GetBucketMetadataTableConfiguration
    GetBucketMetadataTableConfiguration   GetBucketMetadataTableConfiguration
    GetBucketMetricsConfiguration         GetMetricsConfiguration
    GetBucketNotification                 GetBucketNotification
    GetBucketNotificationConfiguration    GetBucketNotification
    GetBucketOwnershipControls            GetBucketOwnershipControls
    GetBucketPolicy                       GetBucketPolicy
    GetBucketPolicyStatus                 GetBucketPolicyStatus
    GetBucketReplication                  GetReplicationConfiguration
    GetBucketRequestPayment               GetBucketRequestPayment
    GetBucketTagging                      GetBucketTagging
    GetBucketVersioning                   GetBucketVersioning
    GetBucketWebsite                      GetBucketWebsite
    GetObject                             GetObject               GetObjectVersion
    GetObjectAcl                          GetObjectAcl            GetObjectVersionAcl
    GetObjectAnnotation                   GetObjectAnnotation
    GetObjectAttributes                   GetObjectAttributes     GetObjectVersionAttributes
    GetObjectLegalHold                    GetObjectLegalHold
    GetObjectLockConfiguration            GetBucketObjectLockConfiguration
    GetObjectRetention                    GetObjectRetention
    GetObjectTagging                      GetObjectTagging        GetObjectVersionTagging
    GetObjectTorrent                      GetObjectTorrent        GetObjectVersionTorrent
    GetPublicAccessBlock                  GetBucketPublicAccessBlock
    HeadBucket                            ListBucket
    HeadObject                            GetObject               GetObjectVersion
    ListBucketAnalyticsConfigurations     GetAnalyticsConfiguration
    ListBucketIntelligentTieringConfigurations GetIntelligentTieringConfiguration
    ListBucketInventoryConfigurations     GetInventoryConfiguration
    ListBucketMetricsConfigurations       GetMetricsConfiguration
    ListBuckets                           ListAllMyBuckets
    ListDirectoryBuckets                  ListAllMyDirectoryBuckets
    ListMultipartUploads                  ListBucketMultipartUploads
    ListObjectAnnotations                 ListObjectAnnotations
    ListObjectVersions                    ListBucketVersions
    ListObjects                           ListBucket
    ListObjectsV2                         ListBucket
    ListParts                             ListMultipartUploadParts
    PostObject                            PutObject
    PutBucketAbac                         PutBucketAbac
    PutBucketAccelerateConfiguration      PutAccelerateConfiguration
    PutBucketAcl                          PutBucketAcl
    PutBucketAnalyticsConfiguration       PutAnalyticsConfiguration
    PutBucketCors                         PutBucketCORS
    PutBucketEncryption                   PutEncryptionConfiguration
    PutBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration
    PutBucketInventoryConfiguration       PutInventoryConfiguration
    PutBucketLifecycle                    PutLifecycleConfiguration
    PutBucketLifecycleConfiguration       PutLifecycleConfiguration
    PutBucketLogging                      PutBucketLogging
    PutBucketMetricsConfiguration         PutMetricsConfiguration
    PutBucketNotification                 PutBucketNotification
    PutBucketNotificationConfiguration    PutBucketNotification
    PutBucketOwnershipControls            PutBucketOwnershipControls
    PutBucketPolicy                       PutBucketPolicy
    PutBucketReplication                  PutReplicationConfiguration
    PutBucketRequestPayment               PutBucketRequestPayment
    PutBucketTagging                      PutBucketTagging
    PutBucketVersioning                   PutBucketVersioning
    PutBucketWebsite                      PutBucketWebsite
    PutObject                             PutObject
    PutObjectAcl                          PutObjectAcl            PutObjectVersionAcl
    PutObjectAnnotation                   PutObjectAnnotation
    PutObjectLegalHold                    PutObjectLegalHold
    PutObjectLockConfiguration            PutBucketObjectLockConfiguration
    PutObjectRetention                    PutObjectRetention
    PutObjectTagging                      PutObjectTagging        PutObjectVersionTagging
    PutPublicAccessBlock                  PutBucketPublicAccessBlock
    RenameObject                          PutObject
    RestoreObject                         RestoreObject
    SelectObjectContent                   GetObject               GetObjectVersion
    UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
    UpdateBucketMetadataJournalTableConfiguration UpdateBucketMetadataJournalTableConfiguration
    UpdateObjectEncryption                UpdateObjectEncryption
    UploadPart                            PutObject
    UploadPartCopy                        PutObject
    WriteGetObjectResponse                WriteGetObjectResponse
"""
# Needed in addition to those of the table, or only named in policies.
_OTHERS = """
    BypassGovernanceRetention GetObjectVersionForReplication ObjectOwnerOverrideToBucketOwner
    ReplicateDelete ReplicateObject ReplicateTags
"""
PREFIX = "s3:"


class Actions(Struct, frozen=True):
    """What an operation needs: `action`, or `versioned` when the request names a version."""

    action: str
    versioned: str

    def named(self, version: str | None) -> str:
        return self.action if version is None else self.versioned


def _rows() -> Mapping[str, Actions]:
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return {name: Actions(PREFIX + some[0], PREFIX + some[-1]) for name, *some in rows}


OPERATIONS = _rows()
KNOWN = frozenset(
    action for row in OPERATIONS.values() for action in (row.action, row.versioned)
) | frozenset(PREFIX + name for name in _OTHERS.split())

# A header of a request that writes an object may need a separate permission.
_TAGGING = "x-amz-tagging"
_LOCK = {
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-object-lock-retain-until-date": "s3:PutObjectRetention",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
}
_BYPASS = "x-amz-bypass-governance-retention"
# Others ignore the header.
_BYPASSING = frozenset({"DeleteObject", "DeleteObjects", "PutObjectRetention"})
_NEW_OBJECT = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload", "PostObject"})
_CONDITIONAL = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"})
_MADE_WITH_ACL = ("x-amz-acl", "x-amz-grant-")
# These leave a new object to the owner of its bucket, who has it anyway.
_GIVING_NOTHING = frozenset({"private", "bucket-owner-read", "bucket-owner-full-control"})
_NEW_BUCKET = {
    "x-amz-object-ownership": ("s3:PutBucketOwnershipControls",),
    "x-amz-bucket-object-lock-enabled": (
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketVersioning",
    ),
}


def needed(operation: str, version: str | None, headers: Mapping[str, str]) -> list[str]:
    """Return the actions that the caller needs; all of them must be allowed."""
    actions = [OPERATIONS[operation].named(version)]
    if operation == "GetObjectAttributes":
        actions.append(OPERATIONS["GetObject"].named(version))
    if operation in _NEW_OBJECT:
        actions += {action for header, action in _LOCK.items() if header in headers}
        if headers.get(_TAGGING):
            actions.append("s3:PutObjectTagging")
    if operation == "CreateBucket":
        asked = (name for name in _NEW_BUCKET if headers.get(name, "false").lower() != "false")
        actions += [action for name in asked for action in _NEW_BUCKET[name]]
        if any(name.startswith(_MADE_WITH_ACL) for name in headers) and gives_rights(headers):
            actions.append("s3:PutBucketAcl")
    if operation in _BYPASSING and headers.get(_BYPASS, "").lower() == "true":
        actions.append("s3:BypassGovernanceRetention")
    return actions


def tests_etag(operation: str, headers: Mapping[str, str]) -> bool:
    """Whether the answer to a write tells what ETag the object has: that needs `s3:GetObject`."""
    return operation in _CONDITIONAL and "if-match" in headers


def sets_acl(operation: str, headers: Mapping[str, str]) -> bool:
    """Whether the request gives a new object an ACL. The writer may do so, as its future owner,
    unless a policy denies `s3:PutObjectAcl`."""
    return operation in _NEW_OBJECT and any(name.startswith(_MADE_WITH_ACL) for name in headers)


def gives_rights(headers: Mapping[str, str]) -> bool:
    """Whether an ACL in the headers grants anything to others than the bucket's owner."""
    grants = any(name.startswith("x-amz-grant-") for name in headers)
    return grants or headers.get("x-amz-acl", "private") not in _GIVING_NOTHING
