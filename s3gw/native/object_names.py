"""Names of objects in the native API, read as keys.

`s3gw.objects.aistore_names` says how the two differ.
"""

from __future__ import annotations

import json

from s3gw.http.request import MAX_KEY
from s3gw.native.errors import NativeError, Tcode
from s3gw.objects.aistore_names import ESCAPED_DOTS, unescaped


def key_of(name: str) -> str:
    """Return the store's key of an object's name. Raise 400 for what is not a name."""
    if "." in name or name.startswith("/") or "%2" in name:
        name = unescaped(_cleaned(name))
    if len(name) > MAX_KEY or len(name.encode()) > MAX_KEY:
        raise NativeError(400, f"the object's name is longer than {MAX_KEY} bytes")
    return name


def prefix_of(prefix: str, what: str) -> str:
    """Return the keys' prefix for one of names. Raise 400, and say in what it was sent."""
    prefix = without_wildcard(prefix)
    if "." in prefix and ".." in prefix.split("/"):
        message = f"bad {what} request: invalid prefix {json.dumps(prefix[:MAX_KEY])}"
        raise NativeError(400, message, Tcode.INVALID_PATH)
    return unescaped(prefix) if "%2" in prefix else prefix


def without_wildcard(prefix: str) -> str:
    """Return the prefix without the one `*` at its end that AIStore drops, as of `ls dir/*`."""
    return prefix.removesuffix("*")


def _cleaned(name: str) -> str:
    cleaned = name.lstrip("/")
    if not cleaned or not ESCAPED_DOTS.keys().isdisjoint(cleaned.split("/")):
        message = f"invalid object name {json.dumps(name[:MAX_KEY], ensure_ascii=False)}"
        raise NativeError(400, message, Tcode.INVALID_PATH)
    return cleaned
