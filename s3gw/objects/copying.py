"""Attributes of copies: from the source, from the request, or from both."""

from __future__ import annotations

import msgspec

from s3gw.objects.attributes import REDIRECT_LOCATION
from storage.values import Attributes


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
