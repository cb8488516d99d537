"""The formats of archives, recognised by name, else by the first bytes."""

from __future__ import annotations

import re
from enum import Enum
from types import MappingProxyType

from storage.errors import NotAnArchive

# Enough bytes to recognise a tar.
MAGIC_BYTES = 512
MAX_ARCHIVES_IN = 8


class ArchiveFormat(Enum):
    """The value is the format's extension."""

    TAR = ".tar"
    TGZ = ".tgz"
    TAR_LZ4 = ".tar.lz4"
    ZIP = ".zip"

    @property
    def content_type(self) -> str:
        return _CONTENT_TYPES[self]

    @property
    def is_compressed_tar(self) -> bool:
        return self in (ArchiveFormat.TGZ, ArchiveFormat.TAR_LZ4)


_CONTENT_TYPES = MappingProxyType(
    {
        ArchiveFormat.TAR: "application/x-tar",
        ArchiveFormat.TGZ: "application/gzip",
        ArchiveFormat.TAR_LZ4: "application/x-lz4",
        ArchiveFormat.ZIP: "application/zip",
    }
)
_EXTENSIONS = MappingProxyType(
    {each.value: each for each in ArchiveFormat} | {".tar.gz": ArchiveFormat.TGZ}
)
# A path without this leads into no archive.
_LEADS_IN = re.compile(f"(?:{'|'.join(map(re.escape, _EXTENSIONS))})/", re.IGNORECASE).search
_NAMES = MappingProxyType(
    dict(_EXTENSIONS)
    | {extension[1:]: each for extension, each in _EXTENSIONS.items()}
    | {kind: each for each, kind in _CONTENT_TYPES.items()}
    | {"application/x-tgz": ArchiveFormat.TGZ, "application/x-tar+gzip": ArchiveFormat.TGZ}
)


def format_named(text: str) -> ArchiveFormat | None:
    """The format of an extension (`.tar.gz`, `tgz`) or a media type; None if there is no such."""
    return _NAMES.get(text.strip().lower())


def format_of_name(name: str) -> ArchiveFormat | None:
    lowered = name.lower()
    for extension, each in _EXTENSIONS.items():
        if lowered.endswith(extension):
            return each
    return None


def archives_in(path: str) -> list[str]:
    """The names of archives that a path like `a/shard.tar/inner` may lead into, shortest first: a
    few, whatever strangers make up."""
    if _LEADS_IN(path) is None:
        return []
    ends = (at for at, letter in enumerate(path) if letter == "/")
    return [path[:at] for at in ends if format_of_name(path[:at])][:MAX_ARCHIVES_IN]


def format_of_bytes(name: str, head: bytes) -> ArchiveFormat:
    """By the first `MAGIC_BYTES` of the object. Raises `NotAnArchive`."""
    if head[257:262] == b"ustar":
        return ArchiveFormat.TAR
    if head[:2] == b"\x1f\x8b":
        return ArchiveFormat.TGZ
    if head[:4] == b"\x04\x22\x4d\x18":
        return ArchiveFormat.TAR_LZ4
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ArchiveFormat.ZIP
    raise NotAnArchive(f"{name} is neither TAR nor TGZ nor TAR.LZ4 nor ZIP")
