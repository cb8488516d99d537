"""Attributes of new objects by default."""

from __future__ import annotations

from s3gw.objects.object_lock import default_lock
from storage.values import Attributes, BucketInfo

DEFAULT_TYPE = "binary/octet-stream"
# Where a website redirects to; not copied with an object's metadata.
REDIRECT_LOCATION = "x-amz-website-redirect-location"


def new_attributes(bucket: BucketInfo, now_ns: int, content_type: str = DEFAULT_TYPE) -> Attributes:
    """Those of an object that its bucket's owner owns, locked as new objects of the bucket are."""
    return Attributes(headers={"content-type": content_type}, lock=default_lock(bucket, now_ns))
