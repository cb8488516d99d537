"""The S3 operations on buckets and whole objects, one module per kind of thing they act on."""

from __future__ import annotations

from s3gw.ops import (
    abac,
    accelerate,
    acl,
    attributes,
    bucket,
    bucket_metadata,
    bucket_tagging,
    copy,
    cors,
    delete,
    listing,
    object_read,
    object_write,
    replication,
    reports,
    request_payment,
    restore,
    tagging,
    versioning,
    website,
)

MODULES = (
    abac,
    accelerate,
    acl,
    attributes,
    bucket,
    bucket_metadata,
    bucket_tagging,
    copy,
    cors,
    delete,
    listing,
    object_read,
    object_write,
    replication,
    reports,
    request_payment,
    restore,
    tagging,
    versioning,
    website,
)
