"""Records: members of one shard that share their name up to the extension.

    n01/cat.jpg  n01/cat.cls        one record, `n01/cat`, with the extensions .jpg and .cls

An extension begins at the first dot of the last part of a name, as in AIStore and WebDataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec
from msgspec import Struct

from storage.archives import Member
from storage.archives.member import Packing, decoded
from storage.errors import MalformedArchive

# The key that a record is sorted by.
Key: TypeAlias = int | float | bytes


class Piece(Struct, frozen=True, array_like=True, gc=False):
    """One member of a record; the fields are those of `Member`, the name in bytes."""

    name: bytes
    offset: int
    size: int
    packing: int = 0
    packed: int = 0
    crc: int = 0

    @classmethod
    def of(cls, member: Member) -> Piece:
        name = member.name.encode("utf-8", "surrogateescape")
        return cls(name, member.offset, member.size, int(member.packing), member.packed, member.crc)

    @property
    def member(self) -> Member:
        return Member(
            decoded(self.name),
            self.offset,
            self.size,
            Packing(self.packing),
            self.packed,
            self.crc,
        )


class Record(Struct, frozen=True, array_like=True, gc=False):
    """Members of the shard with that number."""

    shard: int
    pieces: tuple[Piece, ...]


class Sortable(Struct, frozen=True, gc=False):
    """A record in bytes, with its key. The records of a `group` have output shards of their own.
    `weight` is what it adds to the size of an output shard, in bytes."""

    group: int
    key: Key
    weight: int
    record: bytes


encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Record).decode


def extension_of(name: str) -> str:
    """Return the extension with its dot; empty for a name without one."""
    last = name[name.rfind("/") + 1 :]
    dot = last.find(".")
    return last[dot:] if dot >= 0 else ""


def grouped(members: Iterable[Member], duplicated: Callable[[str], None]) -> list[list[Member]]:
    """Return the members of each record, in the order of the shard. Of members with the same name
    the last one stays, and `duplicated` is called with the name. Raise `MalformedArchive` for a
    name that leads out of the folder that a shard is unpacked in."""
    records: dict[str, dict[str, Member]] = {}
    for member in members:
        if not _is_local(member.name):
            raise MalformedArchive(f"invalid name of a record: {member.name[:256]!r}")
        extension = extension_of(member.name)
        base = member.name[: len(member.name) - len(extension)]
        record = records.setdefault(base, {})
        if extension in record:
            duplicated(member.name)
            del record[extension]
        record[extension] = member
    return [list(record.values()) for record in records.values()]


def _is_local(name: str) -> bool:
    if not name or name.startswith("/"):
        return False
    if ".." not in name:
        return True
    depth = 0
    for part in name.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return False
    return True
