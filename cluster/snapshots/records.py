"""Records of snapshots: what is asked for, rows, chunks and manifests.

    <bucket's uname><name>                          the manifest, in JSON
    .chunks/<bucket's uname><job's id>/<number>     rows in the order of names, in msgpack and zlib

Both are objects of one bucket of the local store, which its front ends do not have.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from storage.errors import Corrupt
from storage.tier.remote import SYSTEM
from storage.values import NULL_VERSION, Attributes, Checksum, ObjectInfo

BUCKET = f"{SYSTEM}inventory"
CHUNKS = ".chunks/"
# As in AIStore.
LEAST_NAMES, NAMES, MOST_NAMES = 2, 20_000, 640_000
# What a listing can show of an object that is not here.
PROPS = frozenset({"size", "checksum", "custom"})
_COMPRESSION_LEVEL = 1


class Snapshot(Struct, frozen=True):
    """A snapshot to be taken. An empty `name` is the job's id. `folder` is the bucket's uname,
    which ends with a slash, and `bucket` its name in messages. `props` of each object are kept
    beside its name."""

    folder: str
    bucket: str
    name: str = ""
    names_per_chunk: int = NAMES
    props: tuple[str, ...] = ("size",)


class Chunk(Struct, frozen=True, array_like=True):
    """`last` is the greatest name in it; `size` in bytes as it is stored."""

    last: str
    names: int
    size: int


class Manifest(Struct, frozen=True):
    """A snapshot that is whole: the manifest is written after all chunks. Times in nanoseconds
    since the epoch; `finished_ns` is the manifest's own, known when it is read."""

    folder: str
    bucket: str
    name: str
    xid: str
    prefix: str
    props: tuple[str, ...]
    started_ns: int
    chunks: tuple[Chunk, ...] = ()
    finished_ns: int = 0

    @property
    def key(self) -> str:
        return f"{self.folder}{self.name}"

    @property
    def names(self) -> int:
        return sum(chunk.names for chunk in self.chunks)

    @property
    def size(self) -> int:
        return sum(chunk.size for chunk in self.chunks)


class Row(Struct, frozen=True, array_like=True, gc=False):
    """One object; what was not asked for has the default."""

    name: str
    size: int = 0
    etag: str = ""
    modified_ns: int = 0
    checksum: Checksum | None = None
    custom: dict[str, str] = {}

    @property
    def info(self) -> ObjectInfo:
        attributes = Attributes(custom=self.custom)
        facts = (self.name, self.size, self.etag, self.modified_ns, attributes, self.checksum)
        return ObjectInfo(*facts, version=NULL_VERSION)


def chunk_key(folder: str, xid: str, number: int) -> str:
    return f"{CHUNKS}{folder}{xid}/{number:06}"


def row_of(info: ObjectInfo, props: frozenset[str]) -> Row:
    return Row(
        info.name,
        info.size if "size" in props else 0,
        info.etag if "checksum" in props else "",
        info.modified_ns,
        info.checksum if "checksum" in props else None,
        info.attributes.custom if "custom" in props else {},
    )


def pack(rows: Sequence[Raw]) -> bytes:
    """Return the bytes of a chunk of encoded rows."""
    return zlib.compress(msgspec.msgpack.encode(rows), _COMPRESSION_LEVEL)


def unpack(content: bytes, name: str) -> list[Row]:
    """Raise `Corrupt` for what is not a chunk."""
    try:
        return msgspec.msgpack.decode(zlib.decompress(content), type=list[Row])
    except (zlib.error, msgspec.DecodeError) as error:
        raise Corrupt(f"{BUCKET}/{name}: {error}") from None
