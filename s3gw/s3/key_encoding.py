"""Encoding of keys in listings.

`encoding-type=url` is for keys that XML 1.0 cannot carry, such as those with control characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_letters, digits
from urllib.parse import quote

from s3gw.wire.errors import Code, S3Error

Encode = Callable[[str], str]
# What `quote` leaves as it is.
_PLAIN = f"{ascii_letters}{digits}_.-~/".encode()


def key_encoding(encoding_type: str | None) -> Encode:
    """Return how to write keys: as they are, or percent-encoded except slashes."""
    if encoding_type is None:
        return str
    if encoding_type != "url":
        raise S3Error(
            Code.InvalidArgument,
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=encoding_type,
        )
    return quote


def encoded_all(keys: Sequence[str], encode: Encode) -> Sequence[str]:
    """Encode the keys of a page: after one search in all of them, since most need nothing."""
    if encode is str or not "".join(keys).encode("utf-8", "surrogatepass").translate(None, _PLAIN):
        return keys
    return [encode(key) for key in keys]
