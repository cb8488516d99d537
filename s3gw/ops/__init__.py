"""The S3 operations on buckets and whole objects, one module per kind of thing they act on."""

from __future__ import annotations

from s3gw.ops import (
    acl,
    attributes,
    bucket,
    bucket_logging,
    copy,
    delete,
    listing,
    notification,
    object_read,
    object_write,
    tagging,
    versioning,
)

MODULES = (
    acl,
    attributes,
    bucket,
    bucket_logging,
    copy,
    delete,
    listing,
    notification,
    object_read,
    object_write,
    tagging,
    versioning,
)
