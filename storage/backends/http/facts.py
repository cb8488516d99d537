"""Facts of objects in the headers of answers.

The ETag here, by that of the server:

    "abc"       abc
    W/"abc"     W/abc               equal bytes are not promised: time and size must be equal, too
    no ETag     ~<time>-<size>      both in hexadecimal
    no time     ?<random>           nothing says whether it is the same later: it never is

What the server says of the encoding of the bytes is kept with them, as they are kept as sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

import xxhash
from msgspec import Struct

from storage.clock import NS_PER_S
from storage.digits import read_digits
from storage.ranges import Between
from storage.values import Attributes, ObjectInfo

_WEAK, _TIMED, _UNKNOWN = "W/", "~", "?"
_LONGEST_ETAG = 256
_SETTLED_NS = 60 * NS_PER_S
_LONGEST_HEADER = 1024
_KEPT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)


class Facts(Struct, frozen=True):
    """What an answer says of its object. `size` is None if it does not say that; `span` is the
    range that it has, None for all."""

    etag: str
    modified_ns: int
    size: int | None
    span: Between | None
    headers: dict[str, str]

    def info(self, name: str, size: int) -> ObjectInfo:
        etag = self.etag
        if etag == _TIMED:
            etag = f"{_TIMED}{self.modified_ns // NS_PER_S:x}-{size:x}"
        attributes = Attributes(headers=self.headers)
        return ObjectInfo(name, size, etag, self.modified_ns, attributes)


def facts_of(headers: Mapping[str, str], status: int) -> Facts:
    """Raises `ValueError` for a length or a range that cannot be."""
    modified_ns = _time_ns(headers.get("last-modified", ""))
    size, span = _length(headers), None
    if status == 206:
        size, span = _content_range(headers.get("content-range", ""), size)
    kept = {name: _kept(headers[name]) for name in _KEPT if headers.get(name)}
    if kept.get("content-encoding", "").lower() == "identity":
        del kept["content-encoding"]
    return Facts(_etag(headers.get("etag", ""), modified_ns), modified_ns, size, span, kept)


def is_same(known: ObjectInfo, found: Facts) -> bool:
    """Whether an answer is about the object that is known, as far as it says."""
    if found.size is not None and found.size != known.size:
        return False
    if known.etag.startswith(_UNKNOWN):
        return False
    if found.info(known.name, known.size).etag != known.etag:
        return False
    promises = not known.etag.startswith(_WEAK) or not found.modified_ns
    return promises or found.modified_ns == known.modified_ns


def condition_headers(known: ObjectInfo) -> dict[str, str]:
    """Return the headers that make a server answer 304 if the object is still the known one; empty
    if there is nothing to know it by."""
    if known.etag.startswith(_UNKNOWN):
        return {}
    if known.etag.startswith(_TIMED):
        return {"If-Modified-Since": http_time(known.modified_ns)}
    return {"If-None-Match": _sent(known.etag)}


def resuming_headers(known: ObjectInfo, now_ns: int) -> dict[str, str] | None:
    """Return the header by which a range is sent of the known object only, else all of the other;
    None if nothing promises equal bytes."""
    if known.etag.startswith((_WEAK, _UNKNOWN)):
        return None
    if known.etag.startswith(_TIMED):
        # Of what was modified just now, the time is not a promise (RFC 9110, 8.8.2.2).
        if now_ns - known.modified_ns < _SETTLED_NS:
            return None
        return {"If-Range": http_time(known.modified_ns)}
    return {"If-Range": _sent(known.etag)}


def http_time(ns: int) -> str:
    return formatdate(ns // NS_PER_S, usegmt=True)


def _sent(etag: str) -> str:
    if etag.startswith(_WEAK):
        return f'{_WEAK}"{etag.removeprefix(_WEAK)}"'
    return f'"{etag}"'


def _etag(text: str, modified_ns: int) -> str:
    """Return the ETag, or the mark of one that other facts stand for."""
    text = text.strip()
    weak = text.startswith(_WEAK)
    opaque = text.removeprefix(_WEAK).strip('"')
    if opaque and '"' not in opaque and opaque.isascii() and opaque.isprintable():
        if opaque.startswith((_TIMED, _UNKNOWN, _WEAK)) or len(opaque) > _LONGEST_ETAG:
            # One that would be taken for another kind, or is too long to keep.
            opaque = xxhash.xxh3_128_hexdigest(opaque.encode())
        return f"{_WEAK}{opaque}" if weak else opaque
    return _TIMED if modified_ns else f"{_UNKNOWN}{secrets.token_hex(8)}"


def _time_ns(text: str) -> int:
    """Return nanoseconds since the epoch; 0 for a time that is missing or cannot be read."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return max(since.days * 86_400 + since.seconds, 0) * NS_PER_S


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length")
    if text is None or "transfer-encoding" in headers:
        return None
    return _number(text)


def _content_range(text: str, length: int | None) -> tuple[int | None, Between]:
    """Read `bytes 0-9/10`, or with a star for a size that the server does not say."""
    unit, _, rest = text.strip().partition(" ")
    interval, _, size = rest.partition("/")
    first, _, last = interval.partition("-")
    if unit.lower() != "bytes":
        raise ValueError("a range without its place")
    span = Between(_number(first), _number(last) + 1)
    whole = None if size == "*" else _number(size)
    if span.stop <= span.start or (whole is not None and span.stop > whole):
        raise ValueError("a range outside of the object")
    if length is not None and length != len(span):
        raise ValueError("a range of another length")
    return whole, span


def _number(text: str) -> int:
    number = read_digits(text.strip()) if len(text) < 20 else None
    if number is None:
        raise ValueError("not a number")
    return number


def _kept(text: str) -> str:
    return "".join(c for c in text[:_LONGEST_HEADER] if c.isprintable())
