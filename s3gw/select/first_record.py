"""First record of a CSV file: the names or the number of columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain

from s3gw.select.query import MAX_RECORD, CsvInput, Header
from s3gw.wire.errors import Code, S3Error


def peek(blocks: Iterator[bytes], source: CsvInput) -> tuple[list[str], Iterator[bytes]]:
    """Return the fields of the first record, and the blocks of the data: without that record if it
    is a header. Lines are records in the blocks (`decoding.with_newlines`)."""
    start = b""
    for block in blocks:
        start += block
        lines = start.count(b"\n")
        if lines and (fields := _fields(start[: start.rindex(b"\n") + 1], source)) is not None:
            return _split(fields, start, blocks, source)
        if len(start) > MAX_RECORD:
            raise S3Error(Code.OverMaxRecordSize)
    fields = _fields(start, source, is_all=True)
    return _split(fields or ([], 0), start, iter(()), source)


def _split(
    found: tuple[list[str], int], start: bytes, rest: Iterator[bytes], source: CsvInput
) -> tuple[list[str], Iterator[bytes]]:
    fields, size = found
    skipped = 0 if source.header is Header.NONE else size
    return fields, chain((start[skipped:],), rest)


def _fields(data: bytes, source: CsvInput, *, is_all: bool = False) -> tuple[list[str], int] | None:
    """Return the fields of the first record that is not a comment, and how many bytes it ends
    after. None if it does not end in the data."""
    lines = data.splitlines(keepends=True) if b"\r" not in data else _lines(data)
    before = 0
    while lines and source.comment and lines[0].startswith(source.comment.encode()):
        before += len(lines.pop(0))
    if not lines:
        return None
    try:
        reader = csv.reader((line.decode() for line in lines), _dialect(source), strict=not is_all)
        fields = next(reader, [])
    except UnicodeDecodeError:
        raise S3Error(Code.InvalidTextEncoding) from None
    except csv.Error:
        return None if not is_all else ([], 0)
    return fields, before + sum(map(len, lines[: reader.line_num]))


def _lines(data: bytes) -> list[bytes]:
    """Return lines that end with newlines; a carriage return alone ends none."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + (
        [data[data.rfind(b"\n") + 1 :]] if not data.endswith(b"\n") else []
    )


def _dialect(source: CsvInput) -> type[csv.Dialect]:
    class Dialect(csv.Dialect):
        delimiter = source.field
        quotechar = source.quote or None
        quoting = csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE
        doublequote = source.escape == source.quote
        escapechar = None if doublequote or not source.escape else source.escape
        lineterminator = "\n"

    return Dialect
