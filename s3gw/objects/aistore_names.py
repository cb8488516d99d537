"""AIStore's names of buckets and objects.

AIStore's names are paths: none has `.` or `..` as an element, and slashes at the beginning are
dropped. S3's keys are free. A key that is not a name is shown with these elements, or its first
slash, escaped as in a URL, and can be read and removed under that name: `a/../b` is `a/%2E%2E/b`,
`/a` is `%2Fa`. A key that looks like that already is escaped once more, so no two keys have one
name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from s3gw.identity.namespaces import parted
from storage.backends import hdfs
from storage.backends.ais import read_bucket_name
from storage.tier.remote import is_cloud

_AIS = "ais"
# Elements, and the beginning, that stand for what AIStore does not take.
_DOTS = re.compile(r"(?:%(?:25)*2E){1,2}")
_SLASH = re.compile(r"^%(?:25)*2F")
ESCAPED_DOTS = {".": "%2E", "..": "%2E%2E"}
_UNUSUAL = re.compile(r"%2|(?<![^/])\.{1,2}(?![^/])|^/")
# What a listing's names have at least, if one of them is unusual, when they are joined.
_HINTS = ("%2", "/.", "\n.", "\n/")


class BucketNames(Struct, frozen=True):
    """A bucket as AIStore's programs name it, and its objects; `space` is its cluster and namespace
    as in queries, `@#` for the global one of this cluster."""

    name: str
    provider: str = _AIS
    space: str = "@#"

    def path(self, key: str) -> str:
        """Return an object as `bucket/name`."""
        return f"{self.name}/{name_of(key)}"

    def uname(self, key: str) -> str:
        """Return an object as `provider/@cluster#namespace/bucket/name`."""
        return f"{self.provider}/{self.space}/{self.path(key)}"

    @property
    def url(self) -> str:
        """Return the bucket as in messages, `provider://bucket`."""
        cluster, _, namespace = self.space[1:].partition("#")
        space = (f"@{cluster}" if cluster else "") + (f"#{namespace}" if namespace else "")
        return f"{self.provider}://{space}{'/' if space else ''}{self.name}"

    def cname(self, key: str) -> str:
        """Return an object as in messages, `provider://bucket/name`."""
        return f"{self.url}/{name_of(key)}"


def bucket_names(stored: str) -> BucketNames:
    """Return the names of a bucket of the store."""
    if not is_cloud(stored):
        name, namespace = parted(stored)
        return BucketNames(name, space=f"@#{namespace}")
    provider, _, name = stored.partition("/")
    if provider == _AIS:
        cluster, namespace, name = read_bucket_name(name)
        return BucketNames(name, space=f"@{cluster}#{namespace}")
    if provider == hdfs.PROVIDER:
        name = hdfs.read_bucket_name(name)[0]
    return BucketNames(name, provider)


def name_of(key: str) -> str:
    """Return the name of a key."""
    return _escaped(key) if _UNUSUAL.search(key) else key


def names_of(keys: Sequence[str]) -> Sequence[str]:
    """Return the names of many keys; nearly always these are the keys themselves."""
    joined = "\n" + "\n".join(keys)
    if not any(hint in joined for hint in _HINTS):
        return keys
    return [name_of(key) for key in keys]


def unescaped(name: str) -> str:
    """Return the key of a name."""
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
    return "/".join(change(p) if p in ESCAPED_DOTS or _DOTS.fullmatch(p) else p for p in parts)


def _less(text: str) -> str:
    if "%25" in text:
        return text.replace("%25", "%")
    return text.replace("%2E", ".").replace("%2F", "/")


def _more(text: str) -> str:
    return ESCAPED_DOTS.get(text) or text.replace("%", "%25")
