"""The S3 operations on buckets and whole objects, one module per kind of thing they act on."""

from __future__ import annotations

from s3gw.ops import (
    acl,
    attributes,
    bucket,
    bucket_policy,
    copy,
    delete,
    listing,
    object_read,
    object_write,
    ownership,
    public_access_block,
    tagging,
    versioning,
)

MODULES = (
    acl,
    attributes,
    bucket,
    bucket_policy,
    copy,
    delete,
    listing,
    object_read,
    object_write,
    ownership,
    public_access_block,
    tagging,
    versioning,
)
