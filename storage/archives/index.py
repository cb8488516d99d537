"""The index of an archive: the place of each member.

It is small enough to keep and to write down. A million members of forty letters take some 80 MB, as
columns and not as objects. A name is found by its hash, among the sorted hashes of all names.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator

import msgspec
import xxhash

from storage.archives.member import Member, Packing, decoded, plain, plain_bytes
from storage.archives.tar_walk import HardLink
from storage.errors import Corrupt, MalformedArchive

MAX_MEMBERS = 1_000_000
MAX_NAME_BYTES = 128 << 20
_VERSION = 1


class _Saved(msgspec.Struct, frozen=True, array_like=True):
    """The columns as bytes in this machine's order, recorded in `order`."""

    version: int
    order: bytes
    names: bytes
    columns: tuple[bytes, ...]


_ORDER = array("I", [1]).tobytes()
# Of the columns: ends of names, offsets, sizes, packings, packed sizes, CRCs, hashes, positions.
_TYPES = "QQQBQIQI"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode


class ShardIndex:
    """The members of one archive, in its order."""

    def __init__(self, names: bytes, columns: tuple[array[int], ...]) -> None:
        self._names = names
        self._columns = columns
        self._order: array[int] | None = None
        columns_bytes = sum(len(each) * each.itemsize for each in columns)
        self.memory_bytes = len(names) + columns_bytes + 4 * len(columns[0])

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[Member]:
        return (self.member(number) for number in range(len(self)))

    def chosen(self, takes: Callable[[str], bool], start: int, stop: int) -> list[int]:
        """The positions, of those from `start` to `stop`, whose names are taken."""
        return [at for at in range(start, stop) if takes(decoded(self._name(at)))]

    def size(self, position: int) -> int:
        return self._columns[2][position]

    def key(self, position: int) -> bytes:
        """The member's plain name, as it was written."""
        return plain_bytes(self._name(position))

    def order(self) -> array[int]:
        """The positions by plain name, of each name the first one; without names that are empty or
        not UTF-8. Sorted at the first call: in a thread when there are many."""
        if self._order is None:
            self._order = array("I", self._in_order())
        return self._order

    def _in_order(self) -> Iterator[int]:
        keys = [self.key(position) for position in range(len(self))]
        last = b""
        # Sorting is stable: of one name, the first comes first.
        for position in sorted(range(len(keys)), key=keys.__getitem__):
            key = keys[position]
            if key != last and _is_text(key):
                yield position
            last = key

    def find(self, name: str) -> Member | None:
        """The first member of that name."""
        wanted = plain(name)
        hashes, positions = self._columns[6:]
        hashed = hash_of(wanted)
        at = bisect_left(hashes, hashed)
        while at < len(hashes) and hashes[at] == hashed:
            member = self.member(positions[at])
            if plain(member.name) == wanted:
                return member
            at += 1
        return None

    def _name(self, position: int) -> bytes:
        ends = self._columns[0]
        return self._names[ends[position - 1] if position else 0 : ends[position]]

    def member(self, number: int) -> Member:
        _, offsets, sizes, packings, packed, crcs, _, _ = self._columns
        name = self._name(number)
        packing = Packing(packings[number])
        if not packed:
            return Member(decoded(name), offsets[number], sizes[number], packing)
        return Member(
            decoded(name), offsets[number], sizes[number], packing, packed[number], crcs[number]
        )

    def to_bytes(self) -> bytes:
        columns = tuple(each.tobytes() for each in self._columns)
        content = _encode(_Saved(_VERSION, _ORDER, self._names, columns))
        return xxhash.xxh3_64_digest(content) + content

    @classmethod
    def from_bytes(cls, saved: bytes) -> ShardIndex:
        """Raises `Corrupt` for what `to_bytes` did not make, or did on another kind of machine."""
        if xxhash.xxh3_64_digest(saved[8:]) != saved[:8]:
            raise Corrupt("a saved index of an archive does not match its checksum")
        read = _decode(saved[8:])
        if (read.version, read.order) != (_VERSION, _ORDER):
            raise Corrupt("a saved index of an archive is of another release or machine")
        columns = tuple(array(kind) for kind in _TYPES)
        for column, content in zip(columns, read.columns, strict=True):
            column.frombytes(content)
        return cls(read.names, columns)


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def hash_of(plain_name: str) -> int:
    return xxhash.xxh3_64_intdigest(plain_name.encode("utf-8", "surrogateescape"))


class IndexBuilder:
    """Takes the members as they are found; those of a ZIP have two facts more."""

    def __init__(self, *, zipped: bool = False) -> None:
        self._zipped = zipped
        self._names = bytearray()
        self._columns = tuple(array(kind) for kind in _TYPES)
        self._links: dict[int, str] = {}

    def add(self, member: Member) -> None:
        """Raises `MalformedArchive` when the archive has too many."""
        ends, offsets, sizes, packings, packed, crcs, hashes, positions = self._columns
        if len(ends) >= MAX_MEMBERS or len(self._names) > MAX_NAME_BYTES:
            raise MalformedArchive(f"more than {MAX_MEMBERS:,} members, or too long names")
        self._names += member.name.encode("utf-8", "surrogateescape")
        hashes.append(hash_of(plain(member.name)))
        positions.append(len(ends))
        ends.append(len(self._names))
        offsets.append(member.offset)
        sizes.append(member.size)
        packings.append(member.packing)
        if self._zipped:
            packed.append(member.packed)
            crcs.append(member.crc)

    def add_link(self, link: HardLink) -> None:
        self._links[len(self._columns[0])] = link.target
        self.add(Member(link.name, 0, 0, Packing.DANGLING))

    def build(self) -> ShardIndex:
        """Sorts; for a thread, when there are many."""
        hashes, positions = self._columns[6:]
        order = sorted(positions, key=hashes.__getitem__)
        sorted_hashes = array("Q", (hashes[position] for position in order))
        columns = (*self._columns[:6], sorted_hashes, array("I", order))
        index = ShardIndex(bytes(self._names), columns)
        for position, target in self._links.items():
            self._resolve(index, position, target)
        return index

    def _resolve(self, index: ShardIndex, position: int, target: str) -> None:
        """A hard link's bytes are those of the member that it links to."""
        found = index.find(target)
        if found is not None:
            _, offsets, sizes, packings, *_ = self._columns
            offsets[position], sizes[position] = found.offset, found.size
            packings[position] = found.packing
