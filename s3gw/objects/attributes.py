"""Default attributes of new objects."""

from __future__ import annotations

from s3gw.objects.object_lock import default_lock
from storage.values import Attributes, BucketInfo

DEFAULT_TYPE = "binary/octet-stream"
# The target of a website's redirect; not copied with an object's metadata.
REDIRECT_LOCATION = "x-amz-website-redirect-location"


def new_attributes(bucket: BucketInfo, now_ns: int, content_type: str = DEFAULT_TYPE) -> Attributes:
    """Return the attributes of an object that the bucket's owner owns, with the bucket's default
    lock."""
    return Attributes(headers={"content-type": content_type}, lock=default_lock(bucket, now_ns))
