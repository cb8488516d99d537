"""The store of one machine, locked and recovered, as a source of rows.

Several mountpaths are several indexes; their rows are merged by their keys. Methods are for one
thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from heapq import merge
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import apsw
from msgspec import Struct
from msgspec.structs import replace

from cluster.adopting.streams import MARKER, OBJECTS, PARTS, VERSIONS, Key, Stream
from storage.backends.local.index import ACTIVE, connect, translated
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.recovery import prepare
from storage.errors import Corrupt
from storage.index.rows import (
    Chunk,
    Chunked,
    PartRow,
    Row,
    Single,
    decode_bucket,
    decode_manifest,
    decode_part,
    decode_row,
    encode,
)
from storage.index.versions import Bucket

# Of rows that are in memory together.
BATCH_ROWS = 1000
_BATCH_BYTES = 8 << 20

_TRASH = "SELECT count(*) FROM trash"
_USAGE = "SELECT ifnull(sum(objects), 0) FROM usage WHERE bucket IN (SELECT id FROM buckets)"


class SourceRow(NamedTuple):
    """A row as it is in the copy, and its key in the index here. `content` is what it says of bytes
    that `folder` has, if it does."""

    record: tuple[Any, ...]
    key: Key
    content: Row | PartRow | None
    payload: bytes | None
    folder: Mountpath

    def blobs(self) -> list[Chunk]:
        """Return the blobs that it names. Raises `Corrupt`."""
        return [] if self.content is None else named_blobs(self.content, self.payload)


def named_blobs(content: Row | PartRow, payload: bytes | None) -> list[Chunk]:
    """Return the blobs that a row names; a sidecar has no data. Raises `Corrupt`."""
    if isinstance(content, PartRow):
        return [content.chunk] if content.chunk else []
    match content.location:
        case Single(chunk):
            return [chunk]
        case Chunked(sidecar):
            if payload is None:
                raise Corrupt("the index lacks the manifest")
            parts = decode_manifest(payload).parts
            return [Chunk(sidecar, 0, b""), *(part.chunk for part in parts if part.chunk)]
    return []


class Totals(Struct, frozen=True):
    """Objects and older versions, by what the indexes have counted; buckets in the trash."""

    versions: int
    trashed_buckets: int


class Source:
    """`buckets` are those that clients see, in the order of their ids."""

    def __init__(
        self, mountpaths: Sequence[Mountpath], connections: Sequence[apsw.Connection]
    ) -> None:
        self.mountpaths = mountpaths
        self._connections = connections
        self._by_uuid = {each.uuid: each for each in mountpaths}
        rows: Any = connections[0].execute(
            "SELECT id, row FROM buckets WHERE state = ? ORDER BY id", (ACTIVE,)
        )
        self.buckets = [Bucket(key, decode_bucket(row)) for key, row in rows]

    @property
    def store(self) -> UUID:
        """The id of its first mountpath: no other store has it."""
        return UUID(self.mountpaths[0].members[0])

    def commits(self) -> list[int]:
        """Return how many commits each index has counted: the same until it changes."""
        sql = "SELECT commits FROM identity"
        counted: list[Any] = [each.execute(sql).get for each in self._connections]
        return [int(count or 0) for count in counted]

    def totals(self) -> Totals:
        versions = sum(_number(each, _USAGE) for each in self._connections)
        return Totals(versions, _number(self._connections[0], _TRASH))

    def read(
        self,
        stream: Stream,
        ids: Mapping[int, int],
        after: Key | None = None,
        *,
        most: int = BATCH_ROWS,
    ) -> Iterator[list[SourceRow]]:
        """Yield the rows of buckets that have new `ids`, after a key or all, in batches of at
        `most` so many. Raises `Corrupt`, `DeviceFailed`."""
        rows = merge(
            *(self._rows(number, stream, ids, after) for number in range(len(self.mountpaths))),
            key=lambda row: row.key,
        )
        batch: list[SourceRow] = []
        size = 0
        with translated():
            for row in rows:
                batch.append(row)
                size += len(row.payload or b"")
                if len(batch) == min(most, BATCH_ROWS) or size >= _BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _rows(
        self, number: int, stream: Stream, ids: Mapping[int, int], after: Key | None
    ) -> Iterator[SourceRow]:
        rows: Any = self._connections[number].execute(stream.source, after or stream.begin)
        for row in rows:
            bucket = ids.get(row[stream.bucket])
            if bucket is not None:
                yield self._placed(stream, row, bucket, self.mountpaths[number])

    def _placed(
        self, stream: Stream, row: tuple[Any, ...], bucket: int, folder: Mountpath
    ) -> SourceRow:
        values = list(row)
        values[stream.bucket] = bucket
        content: Row | PartRow | None = None
        payload: bytes | None = None
        if stream is OBJECTS or stream is VERSIONS:
            *_, encoded, payload = row
            content = decode_row(encoded)
            if content.mountpath:
                folder = self._by_uuid[content.mountpath]
                # A cluster has one folder, so its rows do not name it.
                content = replace(content, mountpath="")
                values[-2] = encode(content)
            if stream is VERSIONS:
                values[MARKER] = content.delete_marker
        elif stream is PARTS:
            content = decode_part(row[-1])
        return SourceRow(tuple(values), stream.key_of(row), content, payload, folder)


@contextmanager
def open_source(paths: Sequence[Path]) -> Iterator[Source]:
    """Lock the data folders, and recover as every start does. Raises `MountpathError`, `Corrupt`,
    `DeviceFailed`."""
    with translated():
        # A start would make a new store where a path is misspelt.
        read_mountpaths(paths)
    with ExitStack() as stack:
        stack.enter_context(prepare(paths))
        with translated():
            mountpaths = read_mountpaths(paths)
            connections = [connect(each.index) for each in mountpaths]
        for connection in connections:
            stack.callback(connection.close)
        yield Source(mountpaths, connections)


def _number(connection: apsw.Connection, sql: str) -> int:
    found: Any = connection.execute(sql).get
    return int(found)
