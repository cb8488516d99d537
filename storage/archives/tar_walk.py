"""The headers of a tar, sans I/O.

The walk says what bytes it needs next, and is fed by its caller.

A tar is a sequence of blocks of 512 bytes: a header, the content, padding; a block of zeros ends
it. Longer names and larger numbers than fit a header precede it as members of their own: GNU's `L`,
and the records of POSIX' pax (`x`), `LENGTH KEY=VALUE\\n`. A file that is in the archive a
second time as a hard link (`1`) has no content of its own.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from __future__ import annotations

from msgspec import Struct

from storage.archives.member import MAX_NAME, Member, Packing, decoded
from storage.digits import read_digits
from storage.errors import MalformedArchive

BLOCK = 512
# What precedes a header may be so long: longer ones are an attack.
MAX_EXTENDED = 256 << 10
# The keys of an extended header that mean something here. Of one header only the last record of a
# key counts, and a header is of the one member that follows it.
_KEYS = frozenset(("path", "linkpath", "size"))
MAX_SIZE = (1 << 62) - 1

_ZEROS = bytes(BLOCK)
_REGULAR = frozenset((b"0", b"\0", b"7"))
_WITHOUT_CONTENT = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
_EXTENDED = frozenset((b"L", b"K", b"x", b"X", b"g"))
_SPARSE = "GNU.sparse."


class HardLink(Struct, frozen=True):
    """Another name for a member that came before."""

    name: str
    target: str


class TarWalk:
    """Wants `wanted` bytes at `position`, and is given them with `take`, until it has `ended`.

    `position` only ever grows; what lies between is content that need not be read.
    """

    def __init__(self) -> None:
        self.position = 0
        self.wanted = BLOCK
        self.ended = False
        self._kind = b""  # of the extended header whose data is wanted
        self._next = 0
        self._long_name: bytes | None = None
        self._long_link: bytes | None = None
        self._pax: dict[str, bytes] = {}
        self._is_promised = False  # a member, by an extended header: even an empty one is of it

    @property
    def may_end(self) -> bool:
        """Whether the tar may end here: some writers leave out the end."""
        return not (self._kind or self._is_promised)

    def take(self, piece: bytes) -> Member | HardLink | None:
        """The member that those bytes complete. Raises `MalformedArchive`."""
        if self._kind:
            self._take_extended(piece)
            return None
        if piece == _ZEROS:
            self.ended = True
            return None
        size = _checked_size(piece, self.position)
        kind = piece[156:157]
        if kind in _EXTENDED:
            self._begin_extended(kind, size)
            return None
        return self._take_header(piece, kind, size)

    def _begin_extended(self, kind: bytes, size: int) -> None:
        if not 0 < size <= MAX_EXTENDED:
            raise MalformedArchive(f"an extended header of {size} bytes at {self.position}")
        self._kind, self.wanted = kind, size
        self.position += BLOCK
        self._next = self.position + padded(size)

    def _take_extended(self, piece: bytes) -> None:
        match self._kind:
            case b"L":
                self._long_name = piece.partition(b"\0")[0]
            case b"K":
                self._long_link = piece.partition(b"\0")[0]
            case b"x" | b"X":
                self._pax = _known(pax_records(piece, self.position))
            case b"S" if piece[504]:
                self.position += BLOCK
                self._next += BLOCK
                return
        self._is_promised = self._is_promised or self._kind not in (b"g", b"S")
        self.position, self.wanted, self._kind = self._next, BLOCK, b""

    def _take_sparse(self, member: Member, is_continued: int) -> Member:
        """GNU's old form: the map of the holes may go on in blocks before the content."""
        if is_continued:
            self._kind, self._next = b"S", self.position + BLOCK
            self.position = member.offset
        return member

    def _take_header(self, block: bytes, kind: bytes, size: int) -> Member | HardLink | None:
        pax, long_name, long_link = self._pax, self._long_name, self._long_link
        self._pax, self._long_name, self._long_link = {}, None, None
        self._is_promised = False
        content = self.position + BLOCK
        if "size" in pax:
            size = _pax_size(pax["size"], self.position)
        self.position = content if kind in _WITHOUT_CONTENT else content + padded(size)
        is_old_folder = kind == b"\0" and long_name is None and _field(block, 0, 100)[-1:] == b"/"
        name = decoded(self._checked(_name(block, pax, long_name)))
        if kind == b"1":
            target = pax.get("linkpath") or long_link or _field(block, 157, 100)
            return HardLink(name, decoded(self._checked(target)))
        if kind == b"S":
            return self._take_sparse(Member(name, content, size, Packing.SPARSE), block[482])
        if kind not in _REGULAR or is_old_folder:
            return None
        if any(key.startswith(_SPARSE) for key in pax):
            name = decoded(pax.get("GNU.sparse.name", name.encode("utf-8", "surrogateescape")))
            self._checked(name.encode("utf-8", "surrogateescape"))
            return Member(name, content, size, Packing.SPARSE)
        return Member(name, content, size)

    def _checked(self, name: bytes) -> bytes:
        if len(name) > MAX_NAME:
            raise MalformedArchive(f"a name of {len(name)} bytes before {self.position}")
        return name


def _known(records: dict[str, bytes]) -> dict[str, bytes]:
    return {key: value for key, value in records.items() if key in _KEYS or key.startswith(_SPARSE)}


def padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _field(block: bytes, start: int, length: int) -> bytes:
    return block[start : start + length].partition(b"\0")[0]


def _name(block: bytes, pax: dict[str, bytes], long_name: bytes | None) -> bytes:
    if "path" in pax:
        return pax["path"]
    if long_name is not None:
        return long_name
    name = _field(block, 0, 100)
    # GNU's own headers (`ustar  `) keep times where POSIX has the beginning of a long name.
    prefix = _field(block, 345, 155) if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _checked_size(block: bytes, position: int) -> int:
    """The size in a header whose own checksum was verified."""
    told = _number(block[148:156], position)
    total = sum(block) - sum(block[148:156]) + 256
    if told != total and told != _signed_sum(block):
        raise MalformedArchive(f"the tar header at {position} does not match its checksum")
    return _number(block[124:136], position)


def _signed_sum(block: bytes) -> int:
    """Some old programs summed signed bytes."""
    rest = block[:148] + b" " * 8 + block[156:]
    return sum(rest) - 256 * sum(byte > 127 for byte in rest)


def _number(field: bytes, position: int) -> int:
    """Octal digits, or GNU's binary form for what they do not hold."""
    if field[0] == 0x80:
        number = int.from_bytes(field[1:], "big")
    else:
        digits = field.partition(b"\0")[0].strip()
        if digits.strip(b"01234567"):
            raise MalformedArchive(f"the tar header at {position} has a number that is none")
        number = int(digits or b"0", 8)
    if number > MAX_SIZE:
        raise MalformedArchive(f"the tar header at {position} tells of an absurd size")
    return number


def _pax_size(text: bytes, position: int) -> int:
    size = read_digits(text.decode("latin-1"))
    if size is None or size > MAX_SIZE:
        raise MalformedArchive(f"the pax size before {position} is not a number")
    return size


def pax_records(data: bytes, position: int) -> dict[str, bytes]:
    """The records of an extended header. Raises `MalformedArchive`."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data) and data[at]:
        digits, space, _ = data[at : at + 12].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = data[at : at + length]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not (space and equals and key) or record[-1:] != b"\n" or at + length > len(data):
            raise MalformedArchive(f"the pax header at {position} has a record that is none")
        records[key.decode("utf-8", "replace")] = value
        at += length
    return records
