"""Facts of files in the words of WebHDFS and in ours.

HDFS has no ETags and no versions. The ETag of an object is made of the file's id, its time and its
length: every way to change a file's bytes changes one of them, and a file that takes the place of
another has another id.

What HDFS has no place for is JSON in one extended attribute of the file, `user.s3gw`: content
headers, metadata, tags, the storage class, a checksum. It is written before the file gets its name.
A checksum is of the bytes that the file had then, so it counts only while the ETag is the same.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64

import msgspec
from msgspec import Struct

from storage.backends.hdfs.place import PROVIDER, Place
from storage.errors import BackendError, NotSupported
from storage.values import Attributes, Checksum, ObjectInfo

XATTR = "user.s3gw"
# HDFS' limit for one extended attribute with its name, unless it is configured otherwise.
_MOST_KEPT = 16_384 - len(XATTR)
_NS_PER_MS = 1_000_000
_STANDARD = "STANDARD"
_FILE, _FOLDER = "FILE", "DIRECTORY"
# As WebHDFS encodes values in base64.
_BASE64 = "0s"


class FileStatus(Struct, frozen=True, rename="camel", gc=False):
    """What a namenode says of a file or a folder. `path_suffix` is its name in a listing;
    `modification_time` is in milliseconds; `children_num` is -1 where it is not told."""

    type: str
    length: int = 0
    modification_time: int = 0
    file_id: int = 0
    children_num: int = -1
    path_suffix: str = ""

    @property
    def is_file(self) -> bool:
        return self.type == _FILE

    @property
    def is_folder(self) -> bool:
        return self.type == _FOLDER

    @property
    def etag(self) -> str:
        return f"{self.file_id:x}-{self.modification_time:x}-{self.length:x}"


class Kept(Struct, frozen=True, omit_defaults=True):
    """The document in the extended attribute; `of` is the ETag that the checksum is of."""

    headers: dict[str, str] = {}
    custom: dict[str, str] = {}
    tags: dict[str, str] = {}
    storage_class: str = _STANDARD
    checksum: Checksum | None = None
    of: str = ""


NOTHING_KEPT = Kept()


class _XAttr(Struct, frozen=True):
    name: str
    value: str | None = None


class XAttrs(Struct, frozen=True):
    """The answer to GETXATTRS."""

    attributes: list[_XAttr] = msgspec.field(name="XAttrs", default_factory=list)

    def kept(self) -> Kept:
        """Return our document; nothing for a file without one, or with one that is not ours."""
        for each in self.attributes:
            if each.name == XATTR and each.value is not None:
                try:
                    raw = b64decode(each.value.removeprefix(_BASE64), validate=True)
                    return msgspec.json.decode(raw, type=Kept)
                except (NotBase64, ValueError, msgspec.DecodeError):
                    return NOTHING_KEPT
        return NOTHING_KEPT


def info_of(name: str, status: FileStatus, kept: Kept = NOTHING_KEPT) -> ObjectInfo:
    return ObjectInfo(
        name=name,
        size=status.length,
        etag=status.etag,
        modified_ns=status.modification_time * _NS_PER_MS,
        attributes=Attributes(kept.headers, kept.custom, kept.tags, kept.storage_class),
        checksum=kept.checksum if kept.of == status.etag else None,
    )


def kept_of(attributes: Attributes, checksum: Checksum | None, etag: str) -> Kept:
    return Kept(
        attributes.headers,
        attributes.custom,
        attributes.tags,
        attributes.storage_class,
        checksum,
        etag if checksum is not None else "",
    )


def encoded(kept: Kept) -> str:
    """Return the value of the extended attribute as a query has it."""
    return _BASE64 + b64encode(msgspec.json.encode(kept)).decode()


def check_attributes(place: Place, attributes: Attributes) -> None:
    """Raise `NotSupported` for those that would get lost, though their writer relies on them, and
    `BackendError` for too many."""
    if attributes.lock is not None:
        raise NotSupported("locking", PROVIDER)
    if attributes.encryption is not None:
        raise NotSupported("encryption", PROVIDER)
    if len(msgspec.json.encode(kept_of(attributes, None, ""))) > _MOST_KEPT - 256:
        raise BackendError(str(place), "MetadataTooLarge", "more than an extended attribute holds")
