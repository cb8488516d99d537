"""Buckets and uploads as the options ask for them, the same in every store."""

from __future__ import annotations

from storage.values import APPEND_MARK, BucketInfo, BucketOptions, UploadInfo, UploadOptions


def bucket_info(name: str, options: BucketOptions, created_ns: int) -> BucketInfo:
    """The bucket that the options ask for."""
    return BucketInfo(
        name,
        options.owner,
        created_ns,
        options.location,
        dict(options.tags),
        options.versioning,
        dict(options.settings),
    )


def upload_info(id: str, name: str, options: UploadOptions, initiated_ns: int) -> UploadInfo:
    """The upload that the options ask for; `id` is a new one in hexadecimal."""
    return UploadInfo(
        APPEND_MARK + id if options.append else id,
        name,
        initiated_ns,
        options.owner,
        options.attributes,
        options.checksum_algorithm,
        options.checksum_type,
        options.kept_checksum,
        options.continues,
    )
