"""The S3 operations on buckets and whole objects, one module per kind of thing they act on."""

from __future__ import annotations

from s3gw.ops import (
    acl,
    attributes,
    bucket,
    copy,
    delete,
    encryption,
    listing,
    object_lock,
    object_read,
    object_write,
    post_object,
    rename,
    tagging,
    versioning,
)

MODULES = (
    acl,
    attributes,
    bucket,
    copy,
    delete,
    encryption,
    listing,
    object_lock,
    object_read,
    object_write,
    post_object,
    rename,
    tagging,
    versioning,
)
