"""Rows of an index, of whatever engine: msgspec Structs as msgpack arrays.

A new field goes last and has a default, so that old rows still read.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec import Struct

from storage.values import (
    NULL_VERSION,
    Attributes,
    BeforeCommit,
    BucketInfo,
    Checksum,
    Encryption,
    ObjectInfo,
    PartInfo,
    UploadInfo,
)


class Chunk(Struct, frozen=True, gc=False, array_like=True):
    """One blob. `root` is the xxh3-128 of its block hashes, or of its only block."""

    blob: str
    size: int
    root: bytes


class Empty(Struct, frozen=True, gc=False, array_like=True, tag=0):
    """No bytes at all."""


class Inline(Struct, frozen=True, gc=False, array_like=True, tag=1):
    """The bytes are the object's row in `payloads`; `digest` is their xxh3-64, empty if old."""

    digest: bytes = b""


class Single(Struct, frozen=True, gc=False, array_like=True, tag=2):
    """The bytes are one blob."""

    chunk: Chunk


class Chunked(Struct, frozen=True, gc=False, array_like=True, tag=3):
    """The bytes are the chunks of the manifest in `payloads`; the blob `sidecar` repeats it.

    `count` of them, each of `largest` bytes or fewer. None are counted of an object in one piece
    that was uploaded in parts; -1 is in old rows, of what was uploaded in that many parts.
    """

    sidecar: str
    count: int = -1
    largest: int = 0

    def pieces(self, parts: int) -> int:
        """In how many chunks an object is kept that was completed from so many parts."""
        return self.count if self.count >= 0 else parts


Location = Empty | Inline | Single | Chunked


class Row(Struct, frozen=True, gc=False, array_like=True):
    """One version: everything of `ObjectInfo` but its name, and where the bytes are. `label` is the
    name on the label of its blob, where the object was renamed since; `mountpath` the uuid of the
    mountpath that has its blobs, where that is another than the one of this index."""

    size: int
    etag: str
    modified_ns: int
    attributes: Attributes
    location: Location
    checksum: Checksum | None = None
    parts: int = 0
    version: str = NULL_VERSION
    delete_marker: bool = False
    label: str = ""
    mountpath: str = ""
    writes: int = 1

    def info(self, name: str) -> ObjectInfo:
        chunks, largest, location = 0, 0, self.location
        if type(location) is Chunked:
            chunks, largest = location.pieces(self.parts), location.largest
        return ObjectInfo(
            name,
            self.size,
            self.etag,
            self.modified_ns,
            self.attributes,
            self.checksum,
            self.parts,
            self.version,
            self.delete_marker,
            chunks,
            largest,
            self.writes,
        )

    async def agreed(self, before_commit: BeforeCommit | None) -> Row:
        """Return the row as it is committed, once the backend has the object too."""
        if before_commit is None:
            return self
        origin = await before_commit()
        attributes = self.attributes.of_origin(origin)
        return msgspec.structs.replace(self, etag=origin.etag, attributes=attributes)

    def own_blob(self) -> str | None:
        """The blob that has the label of this row."""
        match self.location:
            case Single(chunk):
                return chunk.blob
            case Chunked(sidecar):
                return sidecar
        return None


class _UnreadMap(Struct, frozen=True, gc=False):
    """Any map; nothing of it is kept."""


class _UnreadArray(Struct, frozen=True, gc=False, array_like=True):
    """Any array; nothing of it is kept."""


class _UnreadInline(Struct, frozen=True, gc=False, array_like=True, tag=1):
    """An `Inline`; nothing of it is kept."""


class _UnreadSingle(Struct, frozen=True, gc=False, array_like=True, tag=2):
    """A `Single`; nothing of it is kept."""


class _RowAttributes(Struct, frozen=True, gc=False, array_like=True):
    """The fields of `Attributes` up to the last one that listings show."""

    headers: _UnreadMap = _UnreadMap()
    custom: dict[str, str] = {}
    tags: _UnreadMap = _UnreadMap()
    storage_class: str = "STANDARD"
    lock: _UnreadArray | None = None
    encryption: Encryption | None = None
    owner: str = ""


class ListedRow(Struct, frozen=True, gc=False, array_like=True):
    """The same array as a `Row`, read by listings: what they do not show is passed over, and that
    is a fifth of the time."""

    size: int
    etag: str
    modified_ns: int
    attributes: _RowAttributes
    location: Empty | _UnreadInline | _UnreadSingle | Chunked
    checksum: Checksum | None = None
    parts: int = 0
    version: str = NULL_VERSION
    delete_marker: bool = False
    label: str = ""
    mountpath: str = ""
    writes: int = 1

    @property
    def chunks(self) -> int:
        location = self.location
        return location.pieces(self.parts) if type(location) is Chunked else 0


class SizedRow(Struct, frozen=True, gc=False, array_like=True):
    """The same array again, of which only the size is read: a quarter of the time."""

    size: int


class TimedRow(Struct, frozen=True, gc=False, array_like=True):
    """And of which no more than the time is read: half of the time."""

    size: int
    etag: str
    modified_ns: int


class PartRow(Struct, frozen=True, gc=False, array_like=True):
    """One part and its blob; an empty part has no blob. A chunk that no client uploaded is one too:
    it has a number and a size."""

    info: PartInfo
    chunk: Chunk | None


class Manifest(Struct, frozen=True, array_like=True):
    """The chunks of a finished object, in its order. They are the parts that a client uploaded,
    unless `uploaded` has them because the object was rechunked."""

    parts: tuple[PartRow, ...]
    uploaded: tuple[PartInfo, ...] = ()

    def blobs(self) -> list[str]:
        return [part.chunk.blob for part in self.parts if part.chunk]

    def uploads(self) -> tuple[PartInfo, ...]:
        """The parts of an object that was uploaded in parts."""
        return self.uploaded or tuple(part.info for part in self.parts)


encode = msgspec.msgpack.Encoder().encode
decode_row = msgspec.msgpack.Decoder(Row).decode
decode_sized = msgspec.msgpack.Decoder(SizedRow).decode
decode_timed = msgspec.msgpack.Decoder(TimedRow).decode
decode_listed = msgspec.msgpack.Decoder(ListedRow).decode
# Each request looks its bucket up: the same few rows, maybe with long documents.
decode_bucket = lru_cache(maxsize=1024)(msgspec.msgpack.Decoder(BucketInfo).decode)
decode_upload = msgspec.msgpack.Decoder(UploadInfo).decode
decode_part = msgspec.msgpack.Decoder(PartRow).decode
decode_manifest = msgspec.msgpack.Decoder(Manifest).decode
