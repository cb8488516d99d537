"""URLs of objects, and AIStore's names of their buckets.

    http://storage.googleapis.com/minikube/minikube-0.7.iso
    bucket ZDdhNTYxZTkyMzhkNjk3NA, object minikube-0.7.iso

The bucket is the directory: its name is the base64 of the hexadecimal xxh64 of the URL without its
scheme. Two URLs can be found that have the same name, on purpose even: so what counts is the URL
that is kept with the bucket, and never the name alone. A query is a part of the object's name,
because it selects the content.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import xxhash
from msgspec import Struct

SCHEMES = ("http", "https")
LONGEST = 4096
# AIStore's seed.
_SEED = 1103515245
# Of a path's element, what is sent as it is.
_PLAIN = "!$&'()*+,;=:@~"
_QUERY = "?"
# Of a query; what is escaped stays so.
_PLAIN_QUERY = "!$&'()*+,;=:@/?%~"


class BadUrl(ValueError):
    """The text is not the URL of an object; the message says why, without the URL."""


class Directory(Struct, frozen=True):
    """A directory, by its URL with a slash at the end."""

    url: str

    @property
    def bucket(self) -> str:
        return bucket_name(self.url)

    def url_of(self, name: str) -> str:
        """Return the URL of the object of that name. Slashes in it lead further down."""
        path, mark, query = name.partition(_QUERY)
        elements = path.split("/")
        if not path or any(element in (".", "..") for element in elements):
            raise BadUrl("an object's name is not a relative path")
        escaped = "/".join(quote(each, safe=_PLAIN) for each in elements)
        return self.url + escaped + mark + quote(query, safe=_PLAIN_QUERY)


class Link(Struct, frozen=True):
    """One object: its directory, and its name there."""

    directory: Directory
    name: str

    @property
    def url(self) -> str:
        return self.directory.url_of(self.name)


def bucket_name(directory_url: str) -> str:
    """Return AIStore's name for the bucket of that directory."""
    _, _, address = directory_url.partition("://")
    host, _, path = address.partition("/")
    hashed = xxhash.xxh64_intdigest(host.encode() + b"/" + unquote_to_bytes(path), _SEED)
    return urlsafe_b64encode(f"{hashed:x}".encode()).rstrip(b"=").decode()


def read_url(text: str) -> Link:
    """Parse the URL of an object. Raises `BadUrl`."""
    parts = split_url(text)
    path, _, last = parts.path.rpartition("/")
    if not last:
        raise BadUrl("the URL names a directory, and not an object")
    try:
        name = unquote_to_bytes(last).decode()
    except UnicodeDecodeError:
        raise BadUrl("the last part of the URL is not text") from None
    if "/" in name or _QUERY in name or not name.isprintable():
        raise BadUrl("the last part of the URL holds an escaped slash, mark or control character")
    if parts.query:
        name += _QUERY + parts.query
    directory = Directory(f"{parts.scheme.lower()}://{parts.netloc}{path}/")
    link = Link(directory, name)
    # It is not what a browser would fetch if it goes up.
    link.directory.url_of(name)
    return link


def split_url(text: str) -> SplitResult:
    """Split an absolute URL of the web. Raises `BadUrl`."""
    if len(text) > LONGEST:
        raise BadUrl(f"the URL has more than {LONGEST} characters")
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise BadUrl("the URL holds characters that must be escaped")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadUrl("the URL is malformed") from None
    if parts.scheme.lower() not in SCHEMES or not host or port == 0:
        raise BadUrl("only http:// and https:// URLs are fetched")
    if "@" in parts.netloc:
        raise BadUrl("the URL holds a user's name or password")
    if any(element in (".", "..") for element in parts.path.split("/")):
        raise BadUrl("the URL's path has dots")
    return parts
