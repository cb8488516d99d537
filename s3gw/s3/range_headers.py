"""Range of a request, and the headers of a partial reply."""

from __future__ import annotations

import re

from storage.ranges import Between, From, Last
from storage.values import ObjectInfo

# No object is so large that a position has more digits.
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def read_range(text: str | None) -> Between | From | Last | None:
    """Read a single byte range; S3, as RFC 9110 allows, ignores an unreadable one."""
    if text is None:
        return None
    match = _RANGE.fullmatch(text.replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return Last(int(last))
    if not last:
        return From(int(first))
    return Between(int(first), int(last) + 1) if int(first) <= int(last) else None


def span_headers(info: ObjectInfo, span: Between, *, partial: bool) -> dict[str, str]:
    """Return the length of the bytes that are sent, and their place in the object."""
    headers = {"Content-Length": str(span.stop - span.start)}
    # An empty part has no last byte; S3 leaves Content-Range out.
    if partial and span.stop > span.start:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{info.size}"
    return headers
