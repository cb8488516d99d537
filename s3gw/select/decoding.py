"""Bytes of an object on their way to DuckDB: decompressed, cut, with newlines.

Each step is a generator of blocks. A record delimiter that is not a newline changes places with it:
then lines are records, and newlines in the data are kept. `restored` undoes it in a column.
"""

from __future__ import annotations

import bz2
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from s3gw.select.query import Compression, ScanRange
from s3gw.wire.errors import Code, S3Error

BLOCK = 256 << 10
_GZIP_WINDOW = 31
_CORRECT = "Please correct the request and try again."
_BOM = b"\xef\xbb\xbf"


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class Counter:
    """Counts the bytes that pass."""

    def __init__(self) -> None:
        self.total = 0

    def count(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.total += len(block)
            yield block


def read_blocks(fd: int) -> Iterator[bytes]:
    while block := os.read(fd, BLOCK):
        yield block


def decompressed(blocks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Decompress files of several members, too. Raise for bytes that are not compressed so, and for
    an end in the middle."""
    match compression:
        case Compression.NONE:
            return iter(blocks)
        case Compression.GZIP:
            return _members(blocks, _Gzip, "GZIP")
        case Compression.BZIP2:
            return _members(blocks, bz2.BZ2Decompressor, "BZIP2")


class _Gzip:
    """zlib's decompressor with the interface of bz2's: what is left is given back by itself."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = BLOCK, /) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _members(
    blocks: Iterable[bytes], new: Callable[[], _Decompressor], name: str
) -> Iterator[bytes]:
    member: _Decompressor | None = None
    for block in blocks:
        rest = block
        while rest:
            if member is None:
                # Zeros may follow the last member.
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                member = new()
            try:
                yield from _pieces(member, rest)
            except (OSError, zlib.error, EOFError):
                message = f"{name} is not applicable to the queried object. {_CORRECT}"
                raise S3Error(Code.InvalidCompressionFormat, message) from None
            rest = member.unused_data if member.eof else b""
            member = None if member.eof else member
    if member is not None:
        raise S3Error(Code.TruncatedInput)


def _pieces(member: _Decompressor, data: bytes) -> Iterator[bytes]:
    """Decompress a block in pieces of a bounded size, however well it was compressed."""
    while True:
        piece = member.decompress(data, BLOCK)
        if piece:
            yield piece
        if member.eof or not piece:
            return
        data = b""


def without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Remove a byte order mark of UTF-8."""
    start = b""
    iterator = iter(blocks)
    for block in iterator:
        start += block
        if len(start) >= len(_BOM):
            break
    if start := start.removeprefix(_BOM):
        yield start
    yield from iterator


def first_byte(scan: ScanRange, delimiter: bytes) -> int:
    """Return where to begin to read for a scan: early enough to see that a record ends there."""
    return max(scan.start - len(delimiter), 0)


def scanned(blocks: Iterable[bytes], scan: ScanRange, delimiter: bytes) -> Iterator[bytes]:
    """Cut the records that begin in the range from blocks that begin at `first_byte`."""
    size = len(delimiter)
    data, place = b"", first_byte(scan, delimiter)
    searching = not scan.is_from_start
    for block in blocks:
        data += block
        if searching:
            found = data.find(delimiter)
            cut = found + size if found >= 0 else max(len(data) - size + 1, 0)
            data, place = data[cut:], place + cut
            if found < 0:
                continue
            searching = False
            if place >= scan.stop:
                return
        # The record after this delimiter begins too late.
        end = data.find(delimiter, max(scan.stop - place - size, 0))
        if end >= 0:
            yield data[: end + size]
            return
        cut = max(len(data) - size + 1, 0)
        if cut:
            yield data[:cut]
        data, place = data[cut:], place + cut
    if data and not searching:
        yield data


def with_newlines(blocks: Iterable[bytes], record: str) -> Iterator[bytes]:
    """Exchange the record delimiter and newlines. Of a delimiter of two bytes or more, newlines in
    the data cannot be kept, and are an error."""
    delimiter = record.encode()
    if delimiter in (b"\n", b"\r\n"):
        yield from blocks
    elif len(delimiter) == 1:
        table = bytes.maketrans(delimiter + b"\n", b"\n" + delimiter)
        for block in blocks:
            yield block.translate(table)
    else:
        yield from _replaced(blocks, delimiter)


def _replaced(blocks: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    pending = b""
    for block in blocks:
        *records, rest = (pending + block).split(delimiter)
        # The beginning of a delimiter waits for the next block.
        cut = len(rest) - _begun(rest, delimiter)
        pending = rest[cut:]
        records.append(rest[:cut])
        if any(b"\n" in record for record in records):
            message = f"{Code.CSVParsingError.message} A newline is inside a record."
            raise S3Error(Code.CSVParsingError, message)
        yield b"\n".join(records)
    if pending:
        yield pending


def _begun(data: bytes, delimiter: bytes) -> int:
    """Return how many bytes at the end may be the beginning of a delimiter."""
    for size in range(len(delimiter) - 1, 0, -1):
        if data.endswith(delimiter[:size]):
            return size
    return 0


def is_exchanged(record: str) -> bool:
    """Whether `with_newlines` exchanges two characters in the data."""
    return len(record.encode()) == 1 and record != "\n"
