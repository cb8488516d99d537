"""What a bucket's administrator may choose beside what S3 knows: one document in its settings.

The native API reads and writes it as part of AIStore's bucket properties, whose names and defaults
these are; both front ends keep to it. What a new bucket begins with are the cluster's defaults of
that moment, so a bucket without the document has AIStore's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from s3gw.config.aistore_types import Flag, Note, Number, Size, ValueKind, Word
from storage.settings import Setting, setting, with_setting
from storage.values import BucketInfo

XXHASH2 = "xxhash2"
NO_CHECKSUM = "none"
CHECKSUM_TYPES = (XXHASH2, "xxhash", "md5", "crc32c", "sha256", "sha512", NO_CHECKSUM)

_KIB, _GIB, _TIB = 1 << 10, 1 << 30, 1 << 40


class Chunks(Struct, frozen=True):
    """Sizes in bytes. An object of `objsize_limit` or more is stored in chunks of `chunk_size`; 0
    is never, and 0 is AIStore's default size. None is ever larger than `max_monolithic_size` in
    one piece. Of `checkpoint_every` parts the manifest is written down; here always."""

    objsize_limit: int = 0
    max_monolithic_size: int = 0
    chunk_size: int = 0
    checkpoint_every: int = 0


class BucketProperties(Setting, frozen=True):
    """`checksum` is the type that objects get which come by the native API; with
    `archives_as_folders` the members of archives can be listed and read as keys, by S3 clients
    too. `validate_warm_get` asks for what is always done: every block is verified when it is read.
    `custom` means nothing to the server."""

    setting_name: ClassVar[str] = "properties"

    checksum: str = XXHASH2
    chunks: Chunks = Chunks()
    archives_as_folders: bool = False
    validate_warm_get: bool = False
    custom: str = ""


DEFAULT_PROPERTIES = BucketProperties()


@dataclass(frozen=True, slots=True)
class Property:
    """A property under its name on the wire; `place` leads to it in `BucketProperties`."""

    kind: ValueKind
    place: tuple[str, ...]

    def of(self, properties: BucketProperties) -> Any:
        value: Any = properties
        for name in self.place:
            value = getattr(value, name)
        return value


PROPERTIES: Mapping[str, Property] = {
    "checksum.type": Property(Word(CHECKSUM_TYPES), ("checksum",)),
    "checksum.validate_warm_get": Property(Flag(), ("validate_warm_get",)),
    "chunks.objsize_limit": Property(Size(0, _TIB), ("chunks", "objsize_limit")),
    "chunks.max_monolithic_size": Property(
        Size(_GIB, _TIB, zero_is=_TIB), ("chunks", "max_monolithic_size")
    ),
    "chunks.chunk_size": Property(Size(_KIB, 5 * _GIB, zero_is=_GIB), ("chunks", "chunk_size")),
    "chunks.checkpoint_every": Property(Number(0, 1024), ("chunks", "checkpoint_every")),
    "archives.as_folders": Property(Flag(), ("archives_as_folders",)),
    "extra.custom": Property(Note(1024), ("custom",)),
}


def properties_of(bucket: BucketInfo) -> BucketProperties:
    """The bucket's document, or the defaults."""
    return setting(bucket, BucketProperties) or DEFAULT_PROPERTIES


def with_properties(bucket: BucketInfo, properties: BucketProperties) -> BucketInfo:
    """The bucket with that document; without one where it would say what holds anyway."""
    if properties == properties_of(bucket):
        return bucket
    return with_setting(bucket, properties)


def with_property(properties: BucketProperties, name: str, value: Any) -> BucketProperties:
    """The properties with another value, as its kind has read it, of the one of that name."""
    made: BucketProperties = _replaced(properties, PROPERTIES[name].place, value)
    return made


def problem_together(properties: BucketProperties) -> str:
    """What is wrong with values that are good each for itself; empty when nothing is."""
    chunks, most = properties.chunks, PROPERTIES["chunks.max_monolithic_size"]
    largest = chunks.max_monolithic_size or _TIB
    if chunks.objsize_limit <= largest:
        return ""
    limit = PROPERTIES["chunks.objsize_limit"].kind.show(chunks.objsize_limit)
    return (
        f"chunks.objsize_limit = {limit} must not be more than chunks.max_monolithic_size = "
        f"{most.kind.show(largest)}"
    )


def _replaced(struct: Any, place: tuple[str, ...], value: Any) -> Any:
    first, *others = place
    if others:
        value = _replaced(getattr(struct, first), tuple(others), value)
    return msgspec.structs.replace(struct, **{first: value})
