"""Process of a query: the object on its standard input, messages on its output.

    python -m s3gw.select.process

The input is a length, the query as JSON, and the object's bytes. A message is a letter, a length
and its bytes: `Ready` when the query can run, `Records` with text of the result, `Processed` with
the bytes that were decompressed so far, and at the end `Done` or `Failed`. The process imports
nothing of the server but this room, and its limits end it whatever DuckDB does.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import IO, BinaryIO

import msgspec

from s3gw.select import tree
from s3gw.select.compiling import has_aggregate
from s3gw.select.decoding import (
    Counter,
    decompressed,
    read_blocks,
    scanned,
    with_newlines,
    without_mark,
)
from s3gw.select.engine import (
    Statement,
    connect,
    csv_statement,
    json_statement,
    parquet_statement,
)
from s3gw.select.first_record import peek
from s3gw.select.messages import HEAD, LENGTH, Tag
from s3gw.select.parsing import parse
from s3gw.select.query import Bounds, CsvInput, Header, JsonInput, ParquetInput, Query
from s3gw.select.rendering import renderer
from s3gw.wire.errors import Code, S3Error

# Text of records that is sent at a time, in bytes.
_PIECE = 128 << 10
# What Python and the libraries map besides DuckDB's memory.
_BESIDES = 1536 << 20
_OPEN_FILES = 64
# Of the query's memory, what an object may have that goes through a pipe.
_SHARE_OF_PIPE = 4
_NO_ROOM = "There is no room for a copy of the object (select.spool_folder)."
# Records that a query may show first without looking at others.
_MOST_PREVIEWED = 10_000
_TOO_LONG = "The object has more than {} bytes: no query may spool more (select.spool)."
_LINE = re.compile(r"\b[Ll]ine:? (\d+)")
_OURS = re.compile(r"\b([A-Z][A-Za-z]+)\|([^\n]*)")


def main() -> int:
    (size,) = LENGTH.unpack(_exactly(LENGTH.size))
    query = msgspec.json.decode(_exactly(size), type=Query)
    _limit(query)
    # What libraries print must not be in the messages.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        processed = run(query, 0, lambda tag, data: send(out, tag, data))
    except S3Error as error:
        text = msgspec.json.encode((error.code.name, error.message))
        send(out, Tag.FAILED, text)
    except BrokenPipeError:
        return 1
    else:
        send(out, Tag.DONE, struct.pack(">Q", processed))
    return 0


def send(out: BinaryIO, tag: Tag, data: bytes) -> None:
    out.write(HEAD.pack(tag.value, len(data)) + data)
    out.flush()


def _exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise SystemExit(1)
        data += more
    return data


def _limit(query: Query) -> None:
    bounds = query.bounds
    seconds = int(bounds.time_s * bounds.threads) + 5
    memory = bounds.memory + _BESIDES
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, bounds.spool),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (most, most))


def run(query: Query, fd: int, write: Callable[[Tag, bytes], None]) -> int:
    """Run the query over the bytes of the descriptor; return how many were processed."""
    select = parse(query.expression)
    with _errors_translated(query):
        if isinstance(query.input, ParquetInput):
            return _run_parquet(query, select, fd, write)
        return _run_stream(query, select, fd, write)


def _run_parquet(
    query: Query, select: tree.Select, fd: int, write: Callable[[Tag, bytes], None]
) -> int:
    """Parquet is read from its end, so the object is in an unnamed file first."""
    with tempfile.TemporaryFile(dir=query.bounds.spool_folder or None) as spool:
        total = _spool(read_blocks(fd), spool, query.bounds)
        path = f"/dev/fd/{spool.fileno()}"
        connection = connect(path, query)
        statement = parquet_statement(connection, select, query, path)
        write(Tag.READY, b"")
        _write_records(query, statement.rows(connection), statement, lambda: total, write)
        return total


def _run_stream(
    query: Query, select: tree.Select, fd: int, write: Callable[[Tag, bytes], None]
) -> int:
    """Short CSV and JSON pass through a pipe, and so do previews, which read little of them. What
    is longer is in an unnamed file first: DuckDB keeps all that it has read of a pipe."""
    counter = Counter()
    blocks = without_mark(counter.count(decompressed(read_blocks(fd), query.compression)))
    record = query.input.record if isinstance(query.input, CsvInput) else "\n"
    if query.scan is not None:
        blocks = scanned(blocks, query.scan, record.encode())
    reader, writer = os.pipe()
    path = f"/dev/fd/{reader}"
    match query.input:
        case CsvInput() as source:
            blocks = with_newlines(blocks, record)
            first, blocks = _first_record(query, source, blocks)
            statement = csv_statement(select, query, source, first, path)
        case JsonInput() as source:
            statement = json_statement(select, query, source, path)
        case _:
            raise S3Error(Code.InvalidDataSource)
    write(Tag.READY, b"")
    if not _is_preview(select):
        blocks = _piped(blocks, query.bounds, reader)
    # What may be read is what the path leads to now.
    connection = connect(path, query)
    feeder = _Feeder(blocks, writer)
    feeder.start()
    try:
        rows = statement.rows(connection)
        _write_records(query, rows, statement, lambda: counter.total, write)
    finally:
        connection.close()
        # A feeder in the middle of a block gets an error, and ends.
        os.close(reader)
        feeder.join()
        if feeder.failed is not None:
            raise feeder.failed
    return counter.total


def _piped(blocks: Iterator[bytes], bounds: Bounds, reader: int) -> Iterator[bytes]:
    """Return what goes through the pipe: all of a short object. A longer one is written to a file
    that takes the place of the pipe's end, and nothing is left for the pipe."""
    held, size = [], 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size > bounds.memory // _SHARE_OF_PIPE:
            with tempfile.TemporaryFile(dir=bounds.spool_folder or None) as spool:
                _spool(chain(held, blocks), spool, bounds)
                os.dup2(spool.fileno(), reader)
            return iter(())
    return iter(held)


def _is_preview(select: tree.Select) -> bool:
    """Whether the first records are the result."""
    if select.where is not None or select.limit is None or select.limit > _MOST_PREVIEWED:
        return False
    return not any(map(has_aggregate, select.items or ()))


def _spool(blocks: Iterable[bytes], spool: IO[bytes], bounds: Bounds) -> int:
    """Write the blocks, and return how many bytes they have."""
    total = 0
    try:
        for block in blocks:
            spool.write(block)
            total += len(block)
        spool.flush()
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise S3Error(Code.EntityTooLarge, _TOO_LONG.format(bounds.spool)) from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise S3Error(Code.InsufficientStorage, _NO_ROOM) from None
        raise
    return total


def _first_record(
    query: Query, source: CsvInput, blocks: Iterator[bytes]
) -> tuple[list[str], Iterator[bytes]]:
    if query.scan is None or query.scan.is_from_start or source.header is Header.NONE:
        return peek(blocks, source)
    head = without_mark(with_newlines([query.head], source.record))
    names, _ = peek(head, source)
    return names, blocks


class _Feeder(threading.Thread):
    """Writes blocks to a pipe until its reader closes it."""

    def __init__(self, blocks: Iterable[bytes], writer: int) -> None:
        super().__init__(name="feeder", daemon=True)
        self._blocks = blocks
        self._writer = writer
        self.failed: S3Error | None = None

    def run(self) -> None:
        try:
            with os.fdopen(self._writer, "wb", buffering=0) as pipe:
                for block in self._blocks:
                    view = memoryview(block)
                    while view:
                        view = view[pipe.write(view) :]
        except S3Error as error:
            self.failed = error
        except BrokenPipeError:
            pass


def _write_records(
    query: Query,
    batches: Iterable[Sequence[str | None]],
    statement: Statement,
    processed: Callable[[], int],
    write: Callable[[Tag, bytes], None],
) -> None:
    render = renderer(query.output, of_members=statement.of_members)
    for records in batches:
        text = render(records)
        for start in range(0, len(text), _PIECE):
            write(Tag.RECORDS, text[start : start + _PIECE])
        write(Tag.PROCESSED, struct.pack(">Q", processed()))


@contextmanager
def _errors_translated(query: Query) -> Iterator[None]:
    import duckdb

    try:
        yield
    except (duckdb.Error, MemoryError) as error:
        raise translated(error, query) from None


def translated(error: BaseException, query: Query) -> S3Error:
    """Return the error of S3 for one of DuckDB."""
    import duckdb

    text = str(error)
    ours = _OURS.search(text)
    if ours is not None and ours[1] in Code.__members__:
        code = Code[ours[1]]
        return S3Error(code, f"{code.message} The value is {ours[2]!r}.")
    match error:
        case duckdb.OutOfMemoryException() | MemoryError():
            return S3Error(Code.OverMaxRecordSize, _OUT_OF_MEMORY)
        case duckdb.OutOfRangeException():
            return S3Error(Code.IntegerOverflow)
        case duckdb.ConversionException():
            return S3Error(Code.CastFailed)
    if "utf-8" in text or "unicode" in text:
        return S3Error(Code.InvalidTextEncoding)
    if "aximum line size" in text or "maximum_object_size" in text:
        return S3Error(Code.OverMaxRecordSize)
    line = _LINE.search(text)
    where = f" The error is in line {line[1]}." if line is not None else ""
    match query.input:
        case CsvInput():
            code = Code.CSVParsingError
        case JsonInput():
            code = Code.JSONParsingError
        case ParquetInput():
            code = Code.ParquetParsingError
    return S3Error(code, f"{code.message}{where}")


_OUT_OF_MEMORY = "The query needs more memory than it may use (select.memory)."

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # DuckDB's threads and a feeder that waits for input have nothing left to do.
    os._exit(code)
