"""Attributes of new objects and of copies."""

from __future__ import annotations

import msgspec

from s3gw.objects.object_lock import default_lock
from storage.values import Attributes, BucketInfo

DEFAULT_TYPE = "binary/octet-stream"
# The target of a website's redirect; not copied with an object's metadata.
REDIRECT_LOCATION = "x-amz-website-redirect-location"


def new_attributes(bucket: BucketInfo, now_ns: int, content_type: str = DEFAULT_TYPE) -> Attributes:
    """Return the attributes of an object that the bucket's owner owns, with the bucket's default
    lock."""
    return Attributes(headers={"content-type": content_type}, lock=default_lock(bucket, now_ns))


def copied_attributes(
    given: Attributes, source: Attributes, tagged: Attributes | None = None
) -> Attributes:
    """Return the copy's attributes: `given` has its owner and its lock; content headers and
    metadata are the source's, tags those of `tagged` or the source. An object's redirect location
    is not copied with its metadata."""
    headers = {name: value for name, value in source.headers.items() if name != REDIRECT_LOCATION}
    if REDIRECT_LOCATION in given.headers:
        headers[REDIRECT_LOCATION] = given.headers[REDIRECT_LOCATION]
    tags = (tagged or source).tags
    return msgspec.structs.replace(given, headers=headers, custom=source.custom, tags=tags)
