"""Version ids on the wire: in requests and in answers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from __future__ import annotations

from s3gw.wire.errors import Code, S3Error
from storage.values import NULL_VERSION, BucketInfo, ObjectInfo, Versioning

VERSION_ID = "x-amz-version-id"


def named_version(version_id: str | None) -> str | None:
    """Return the version that the query names, None for the current one. Raise
    `InvalidArgument`."""
    if version_id == "":
        message = "Version id cannot be the empty string"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="versionId")
    return version_id


def keeps_versions(bucket: BucketInfo) -> bool:
    """Whether a write keeps the version that it replaces."""
    return bucket.versioning is Versioning.ENABLED


def read_version_header(bucket: BucketInfo, info: ObjectInfo) -> dict[str, str]:
    """Return the header for a reader; empty in buckets that never had versions, as rclone
    demands."""
    if bucket.versioning is Versioning.NEVER:
        return {}
    return {VERSION_ID: info.version}


def written_version_header(info: ObjectInfo) -> dict[str, str]:
    """Return the header for a writer: the id of a version that will not be overwritten."""
    return {} if info.version == NULL_VERSION else {VERSION_ID: info.version}
