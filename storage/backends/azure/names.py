"""Names of containers, blobs and metadata, as Azure takes them.

Azure and what is on the way to it fold `.` and `..` in paths, drop dots at the end of a segment and
turn `\\` into `/`: such a name would be that of another blob. So it is refused here, and so is what
Azure itself refuses.
"""

from __future__ import annotations

import re

from storage.backends.azure.place import PROVIDER, Place
from storage.errors import BucketNotFound, NotSupported

_CONTAINER = re.compile(r"(?:[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web|\$logs)")
_LONGEST_CONTAINER = 63
_MOST_CHARACTERS = 1024
_MOST_SEGMENTS = 254
_NOT_IN_NAMES = re.compile("[\\\\\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_IDENTIFIER = re.compile("[a-z_][a-z0-9_]*")
# Keys that begin so are ours.
RESERVED = "s3gw"
_ENCODED = "s3gw__"
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_ESCAPE = re.compile("_([0-9a-f]{2})")


def check_container(name: str) -> None:
    """Raise `BucketNotFound` for a name that no container has."""
    if len(name) > _LONGEST_CONTAINER or not _CONTAINER.fullmatch(name):
        raise BucketNotFound(name)


def check_place(place: Place) -> None:
    """Raise `NotSupported` for a name that would not be kept as it is; as `check_container` too."""
    check_container(place.bucket)
    if reason := _reason_against(place.name):
        raise NotSupported(f"an object name {reason}", PROVIDER)


def _reason_against(name: str) -> str:
    if len(name) > _MOST_CHARACTERS:
        return f"of more than {_MOST_CHARACTERS} characters"
    if _NOT_IN_NAMES.search(name):
        return "with a backslash or a control character"
    segments = name.split("/")
    if len(segments) > _MOST_SEGMENTS:
        return f"of more than {_MOST_SEGMENTS} segments"
    if any(segment.endswith(".") for segment in segments):
        return "with a dot at the end of a segment"
    return ""


def metadata_key(key: str) -> str:
    """Return the identifier under which a user's metadata key is kept: itself, or the reserved
    prefix and every other byte than a letter or digit as `_` with two hexadecimal digits."""
    if _IDENTIFIER.fullmatch(key) and not key.startswith(RESERVED):
        return key
    return _ENCODED + "".join(chr(b) if b in _PLAIN else f"_{b:02x}" for b in key.encode())


def user_key(key: str) -> str:
    """Return the user's key of an identifier, in lower case; undo `metadata_key`."""
    key = key.lower()
    if not key.startswith(_ENCODED):
        return key
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), key.removeprefix(_ENCODED))
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return key
