"""Names of objects in the native API, and their keys.

AIStore's names are paths: none has `.` or `..` as an element, and slashes at the beginning are
dropped. S3's keys are free. A key that is not a name is shown with these elements, or its first
slash, escaped as in a URL, and can be read and removed under that name: `a/../b` is `a/%2E%2E/b`,
`/a` is `%2Fa`. A key that looks like that already is escaped once more, so no two keys have one
name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from s3gw.http.request import MAX_KEY
from s3gw.native.errors import NativeError, Tcode

# Elements, and the beginning, that stand for what AIStore does not take.
_DOTS = re.compile(r"(?:%(?:25)*2E){1,2}")
_SLASH = re.compile(r"^%(?:25)*2F")
_ESCAPES = {".": "%2E", "..": "%2E%2E"}
_UNUSUAL = re.compile(r"%2|(?<![^/])\.{1,2}(?![^/])|^/")
# What a listing's names have at least, if one of them is unusual, when they are joined.
_HINTS = ("%2", "/.", "\n.", "\n/")


def key_of(name: str) -> str:
    """Return the store's key of an object's name. Raise 400 for what is not a name."""
    if "." in name or name.startswith("/") or "%2" in name:
        name = _unescaped(_cleaned(name))
    if len(name) > MAX_KEY or len(name.encode()) > MAX_KEY:
        raise NativeError(400, f"the object's name is longer than {MAX_KEY} bytes")
    return name


def prefix_of(prefix: str, what: str) -> str:
    """Return the keys' prefix for one of names. Raise 400, and say in what it was sent."""
    prefix = without_wildcard(prefix)
    if "." in prefix and ".." in prefix.split("/"):
        message = f"bad {what} request: invalid prefix {json.dumps(prefix[:MAX_KEY])}"
        raise NativeError(400, message, Tcode.INVALID_PATH)
    return _unescaped(prefix) if "%2" in prefix else prefix


def without_wildcard(prefix: str) -> str:
    """Return the prefix without the one `*` at its end that AIStore drops, as of `ls dir/*`."""
    return prefix.removesuffix("*")


def name_of(key: str) -> str:
    """Return the name of a key."""
    return _escaped(key) if _UNUSUAL.search(key) else key


def names_of(keys: Sequence[str]) -> Sequence[str]:
    """Return the names of many keys; nearly always these are the keys themselves."""
    joined = "\n" + "\n".join(keys)
    if not any(hint in joined for hint in _HINTS):
        return keys
    return [name_of(key) for key in keys]


def _cleaned(name: str) -> str:
    cleaned = name.lstrip("/")
    if not cleaned or not _ESCAPES.keys().isdisjoint(cleaned.split("/")):
        message = f"invalid object name {json.dumps(name[:MAX_KEY], ensure_ascii=False)}"
        raise NativeError(400, message, Tcode.INVALID_PATH)
    return cleaned


def _unescaped(name: str) -> str:
    if name.startswith("%2F"):
        return "/" + _each(name[3:], _less)
    return _SLASH.sub(lambda found: _less(found[0]), _each(name, _less))


def _escaped(key: str) -> str:
    if key.startswith("/"):
        return "%2F" + _each(key[1:], _more)
    return _SLASH.sub(lambda found: _more(found[0]), _each(key, _more))


def _each(path: str, change: Callable[[str], str]) -> str:
    """Return the path with those of its elements changed that stand for dots."""
    parts = path.split("/")
    return "/".join(change(p) if p in _ESCAPES or _DOTS.fullmatch(p) else p for p in parts)


def _less(text: str) -> str:
    if "%25" in text:
        return text.replace("%25", "%")
    return text.replace("%2E", ".").replace("%2F", "/")


def _more(text: str) -> str:
    return _ESCAPES.get(text) or text.replace("%", "%25")
