"""The format of blobs: immutable files with the bytes of objects and parts.

    [data] [xxh3-128 of each 512 KiB block, if there is more than one] [label] [trailer]

The label, in msgpack, says whose bytes these are, so that the index can be rebuilt. It is a footer
and not an extended attribute, because those end at 4 KiB on ext4 and do not exist on tmpfs. The
trailer has the lengths, the xxh3-64 of label and lengths, and a magic number.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import msgspec
import xxhash
from msgspec import Struct

from storage.blobs.labels import Label, decode_label
from storage.cipher import TAG_BYTES
from storage.errors import Corrupt

BLOCK = 512 * 1024
# So much of an encrypted object fills a block.
FRAME = BLOCK - TAG_BYTES
HASH_BYTES = 16
_LENGTHS = struct.Struct("<QII")
_TRAILER = struct.Struct("<QIIQ8s")
_MAGIC = b"s3gwblb1"


def block_hash(block: bytes | memoryview) -> bytes:
    return xxhash.xxh3_128_digest(block)


def root_hash(hashes: bytes) -> bytes:
    """What the index keeps of a blob: the hash of its only block, or of all block hashes."""
    return hashes if len(hashes) == HASH_BYTES else xxhash.xxh3_128_digest(hashes)


def hashes_length(size: int) -> int:
    """Bytes of the hash table after the data; 0 for a blob of one block."""
    return -(-size // BLOCK) * HASH_BYTES if size > BLOCK else 0


def clear_size(sealed: int) -> int:
    """Bytes of the object in so many encrypted bytes."""
    return sealed - -(-sealed // BLOCK) * TAG_BYTES


def footer_of(size: int, hashes: bytes, label: bytes) -> bytes:
    """Return what follows that data; `hashes` are those of all its blocks."""
    table = hashes if size > BLOCK else b""
    lengths = _LENGTHS.pack(size, len(table), len(label))
    check = xxhash.xxh3_64_intdigest(label + lengths)
    return b"".join((table, label, _TRAILER.pack(size, len(table), len(label), check, _MAGIC)))


class Footer(Struct, frozen=True):
    """What follows the data of a blob."""

    size: int
    hashes: bytes
    label: Label


def read_footer(path: str | Path) -> Footer:
    """Raises `Corrupt` when the file is not a whole blob."""
    with open(path, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        trailer = os.pread(file.fileno(), _TRAILER.size, max(0, length - _TRAILER.size))
        if len(trailer) < _TRAILER.size:
            raise Corrupt(f"{path}: too short for a blob")
        size, table, label, check, magic = _TRAILER.unpack(trailer)
        if magic != _MAGIC or size + table + label + _TRAILER.size != length:
            raise Corrupt(f"{path}: no blob, or cut short")
        footer = os.pread(file.fileno(), table + label, size)
    return _parse(path, size, footer[:table], footer[table:], check)


def _parse(path: str | Path, size: int, hashes: bytes, label: bytes, check: int) -> Footer:
    lengths = _LENGTHS.pack(size, len(hashes), len(label))
    if xxhash.xxh3_64_intdigest(label + lengths) != check:
        raise Corrupt(f"{path}: the label does not match its checksum")
    try:
        return Footer(size, hashes, decode_label(label))
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path}: the label cannot be read: {error}") from error
