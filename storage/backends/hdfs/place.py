"""Folders and files of HDFS as buckets and objects.

A bucket here is a folder there. Its name at the backend has the folder, `train:/data/imagenet`, or
is the name of a folder below the backend's root. A colon is in no name of HDFS.

An object is a file below the folder. HDFS has paths, so a name is not taken that a path cannot be:
one with an empty, `.` or `..` element, a colon, or a slash at its end. No object has such a name,
and none can be written under one.
"""

from __future__ import annotations

import re
import secrets

from msgspec import Struct

from storage.errors import BucketNotFound, NotSupported

PROVIDER = "hdfs"
# Files that are being written; Hadoop's own jobs pass over names with a dot before them too.
_UNFINISHED = re.compile(r"\.s3gw-[0-9a-f]{32}")
_BUCKET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
# Of the root, and of every folder: HDFS' own paths.
_RESERVED = ".reserved"
_SNAPSHOTS = ".snapshot"


class Place(Struct, frozen=True):
    """A bucket with its folder, which is empty for the root of HDFS, or an object in it."""

    bucket: str
    folder: str
    name: str = ""

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.name else self.folder or "/"

    @property
    def parent(self) -> str:
        """Return the path of the folder that an object is in."""
        return self.path.rpartition("/")[0] or "/"

    def unfinished(self) -> Place:
        """Return a new place beside the object, that no listing shows."""
        above = self.name.rpartition("/")[0]
        own = f".s3gw-{secrets.token_hex(16)}"
        return Place(self.bucket, self.folder, f"{above}/{own}" if above else own)

    def __str__(self) -> str:
        return f"{PROVIDER}://{self.bucket}{'/' if self.name else ''}{self.name}"


def bucket_name(name: str, folder: str) -> str:
    """Return the name at the backend of a bucket that is that folder."""
    return f"{name}:{folder}"


def read_bucket_name(text: str) -> tuple[str, str]:
    """Return the bucket's name, and its folder, which is empty for one below the root."""
    name, _, folder = text.partition(":")
    return name, folder


def check_folder(folder: str) -> None:
    """Raise `ValueError` for what is not the path of a folder that can be a bucket."""
    if not folder.startswith("/"):
        raise ValueError("it must be an absolute path")
    rest = folder[1:]
    if rest and (reason := reason_against(rest, at_root=True)):
        raise ValueError(f"it must not be a path {reason}")


def place_of(root: str, bucket: str, name: str = "") -> Place:
    """Return the place of a bucket of a backend with that root; empty is none. Raise
    `BucketNotFound` for a name that no bucket has."""
    known, folder = read_bucket_name(bucket)
    if not folder and root and _BUCKET.fullmatch(known):
        folder = f"{root.rstrip('/')}/{known}"
    try:
        check_folder(folder)
    except ValueError:
        raise BucketNotFound(known) from None
    return Place(known, folder.rstrip("/"), name)


def can_be_bucket(name: str) -> bool:
    return bool(_BUCKET.fullmatch(name)) and not _UNFINISHED.fullmatch(name)


def is_unfinished(name: str) -> bool:
    """Whether the element of a path is that of a file that is being written."""
    return bool(_UNFINISHED.fullmatch(name))


def check_writable(place: Place) -> None:
    """Raise `NotSupported` for a name that no file there can have."""
    if reason := reason_against(place.name, at_root=not place.folder):
        raise NotSupported(f"an object name {reason}", PROVIDER)


def is_possible(place: Place) -> bool:
    """Whether there can be an object of that name at all."""
    return not reason_against(place.name, at_root=not place.folder)


def reason_against(name: str, *, at_root: bool) -> str:
    if name.endswith("/"):
        return "that ends with a slash"
    elements = name.split("/")
    if "" in elements:
        return "with an empty element"
    if "." in elements or ".." in elements:
        return "with an element '.' or '..'"
    if ":" in name:
        return "with a colon"
    if "\0" in name:
        return "with a null character"
    if _SNAPSHOTS in elements or (at_root and elements[0] == _RESERVED):
        return "that HDFS keeps for itself"
    if any(is_unfinished(element) for element in elements):
        return "of a file that is being written"
    return ""
