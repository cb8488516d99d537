"""Range of a request, and the headers of a partial reply."""

from __future__ import annotations

import re

from storage.digits import read_digits
from storage.ranges import Between, From, Last
from storage.values import ObjectInfo

# A unit is in any case (RFC 9110, 14.1).
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.ASCII | re.IGNORECASE)


def read_range(text: str | None) -> Between | From | Last | None:
    """Read a single byte range; S3, as RFC 9110 allows, ignores an unreadable one."""
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    first, last = read_digits(match[1]), read_digits(match[2])
    if first is None:
        return None if last is None else Last(last)
    if last is None:
        return From(first)
    return Between(first, last + 1) if first <= last else None


def span_headers(info: ObjectInfo, span: Between, *, partial: bool) -> dict[str, str]:
    """Return the length of the bytes that are sent, and their place in the object."""
    headers = {"Content-Length": str(span.stop - span.start)}
    # An empty part has no last byte; S3 leaves Content-Range out.
    if partial and span.stop > span.start:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{info.size}"
    return headers
