"""A member of an archive, and an open one."""

from __future__ import annotations

import re
from enum import IntEnum

from msgspec import Struct

from storage.errors import NotSupported
from storage.ranges import Between
from storage.values import Stream


class Packing(IntEnum):
    """How a member's bytes lie in the archive; from `SPARSE` on they cannot be read.

    `STORED` ones lie at the member's offset as they are. A ZIP's offsets are those of its local
    headers, and the bytes begin after that. The numbers are in saved indexes.
    """

    STORED = 0
    ZIP_STORED = 1
    ZIP_DEFLATED = 2
    SPARSE = 3
    ENCRYPTED = 4
    UNKNOWN = 5
    DANGLING = 6


# The longest name of a member, in bytes: many times any system's longest path.
MAX_NAME = 128 << 10
# Possessive: it is gone through once, whatever follows.
_LEADING = re.compile(r"(?:\./|/)++")
_LEADING_BYTES = re.compile(rb"(?:\./|/)++")

_REFUSALS = {
    Packing.SPARSE: ("reading a sparse member", "TAR"),
    Packing.ENCRYPTED: ("reading an encrypted member", "ZIP"),
    Packing.DANGLING: ("following a hard link that leads nowhere", "TAR"),
    Packing.UNKNOWN: ("reading a member that is neither stored nor deflated", "ZIP"),
}


class Member(Struct, frozen=True):
    """One file of an archive. `name` is as the archive spells it; `size` that of its content,
    `packed` that of its bytes in the archive; `crc` is a ZIP's."""

    name: str
    offset: int
    size: int
    packing: Packing = Packing.STORED
    packed: int = 0
    crc: int = 0

    def check_readable(self) -> None:
        """Raises `NotSupported`."""
        if self.packing in _REFUSALS:
            raise NotSupported(*_REFUSALS[self.packing])


class MemberReading(Struct, frozen=True):
    """An open member: the bytes that will come (of `member.size`), and the bytes; a stream must be
    closed by its holder."""

    member: Member
    span: Between
    body: bytes | Stream


def plain(name: str) -> str:
    """The name that a member is found by: `./a` and `/a` are `a`."""
    leading = _LEADING.match(name)
    return name if leading is None else name[leading.end() :]


def plain_bytes(name: bytes) -> bytes:
    leading = _LEADING_BYTES.match(name)
    return name if leading is None else name[leading.end() :]


def decoded(raw: bytes) -> str:
    """A member's name. A name that is not UTF-8 still encodes to the same bytes."""
    return raw.decode("utf-8", "surrogateescape")
