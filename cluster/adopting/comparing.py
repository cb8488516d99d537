"""Comparison of the copied rows with the originals, and the blobs that they name.

Both are read side by side in the order of their keys, so a row that is missing, changed or too many
is found. What is counted for the report is counted here, from the same rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from msgspec import Struct

from cluster.adopting.blobs import Taken
from cluster.adopting.copying import Progress
from cluster.adopting.errors import AdoptionRefused
from cluster.adopting.ledger import Ledger
from cluster.adopting.source import Source, SourceRow
from cluster.adopting.streams import OBJECTS, PARTS, STREAMS, UPLOADS, Key, Stream
from cluster.database.connecting import Connection, Database
from storage.blobs.folder import BlobFolder
from storage.blobs.location import is_right
from storage.index.rows import Chunk, Chunked, Inline, Row

# Blobs are looked at in so many threads: on a network each look is a round trip.
THREADS = 16
_MOST_DAMAGE = 1000
_PAGE_S = 600.0


class BucketCounts(Struct):
    """`versions` are the older ones, `bytes` those of all versions and objects."""

    name: str
    objects: int = 0
    versions: int = 0
    delete_markers: int = 0
    uploads: int = 0
    parts: int = 0
    blobs: int = 0
    bytes: int = 0


class Damage(Struct, frozen=True):
    """An object or a part whose bytes are wrong or missing in the store itself."""

    bucket: str
    name: str
    problem: str


class Compared(Struct):
    """What was seen, by the ids that buckets have in the copy. The first of what is `damaged` are
    in `damage`."""

    buckets: dict[int, BucketCounts]
    rows: int = 0
    blobs: int = 0
    new_blobs: int = 0
    damaged: int = 0
    damage: list[Damage] = []

    def add(self, stream: Stream, row: SourceRow) -> None:
        self.rows += 1
        counts = self.buckets[row.record[stream.bucket]]
        if stream is UPLOADS:
            counts.uploads += 1
        elif stream is PARTS:
            counts.parts += 1
        elif isinstance(row.content, Row):
            counts.bytes += row.content.size
            if row.content.delete_marker:
                counts.delete_markers += 1
            elif stream is OBJECTS:
                counts.objects += 1
            else:
                counts.versions += 1

    def add_damage(self, bucket: int, name: bytes, problem: str) -> None:
        self.damaged += 1
        if len(self.damage) < _MOST_DAMAGE:
            self.damage.append(Damage(self.buckets[bucket].name, name.decode(), problem))


class Blobs(Protocol):
    def take(self, chunk: Chunk, source: BlobFolder) -> Taken: ...


class Comparison:
    """`thread` reads the store, `threads` look at blobs."""

    def __init__(
        self,
        source: Source,
        ids: Mapping[int, int],
        blobs: Blobs,
        thread: ThreadPoolExecutor,
        threads: ThreadPoolExecutor,
        progress: Progress,
    ) -> None:
        self._source = source
        self._ids = ids
        self._blobs = blobs
        self._thread = thread
        self._threads = threads
        self._progress = progress
        buckets = {ids[each.key]: BucketCounts(each.info.name) for each in source.buckets}
        self.compared = Compared(buckets)

    async def run(self, database: Database | None, ledger: Ledger | None) -> Compared:
        """Look at all rows of the store, and compare those in the database, if there is one. Raises
        `DatabaseAway`, `Corrupt`, `DeviceFailed`, `OutOfSpace`, `AdoptionRefused`."""
        for stream in STREAMS:
            copy = None
            if database is not None and ledger is not None:
                copy = _Copy(database, ledger, stream)
            await self._compare(stream, copy)
        return self.compared

    async def _compare(self, stream: Stream, copy: _Copy | None) -> None:
        loop = asyncio.get_running_loop()
        batches = self._source.read(stream, self._ids)
        read = partial(next, batches, None)
        reading = loop.run_in_executor(self._thread, read)
        while (batch := await reading) is not None:
            reading = loop.run_in_executor(self._thread, read)
            looking = loop.run_in_executor(None, self._look_at, stream, batch)
            if copy is not None:
                await asyncio.gather(looking, copy.require(batch))
            await looking
            self._progress("verify", self.compared.rows)
        if copy is not None:
            await copy.require_end()

    def _look_at(self, stream: Stream, batch: Sequence[SourceRow]) -> None:
        wanted: list[tuple[SourceRow, Chunk]] = []
        for row in batch:
            self.compared.add(stream, row)
            if problem := _problem_of(row):
                self._add_damage(stream, row, problem)
                continue
            wanted += ((row, chunk) for chunk in row.blobs())
        if not wanted:
            return
        taken = self._threads.map(
            self._take_some, [wanted[at::THREADS] for at in range(min(THREADS, len(wanted)))]
        )
        for some in taken:
            for row, found in some:
                self._count(stream, row, found)

    def _take_some(
        self, wanted: Sequence[tuple[SourceRow, Chunk]]
    ) -> list[tuple[SourceRow, Taken]]:
        return [(row, self._blobs.take(chunk, row.folder)) for row, chunk in wanted]

    def _count(self, stream: Stream, row: SourceRow, found: Taken) -> None:
        self.compared.blobs += 1
        self.compared.new_blobs += found.new
        self.compared.buckets[row.record[stream.bucket]].blobs += 1
        if found.problem:
            self._add_damage(stream, row, found.problem)

    def _add_damage(self, stream: Stream, row: SourceRow, problem: str) -> None:
        self.compared.add_damage(row.record[stream.bucket], row.record[1], problem)


class _Copy:
    """The copied rows of a stream, in their order."""

    def __init__(self, database: Database, ledger: Ledger, stream: Stream) -> None:
        self._database = database
        self._ledger = ledger
        self._stream = stream
        self._after = stream.begin

    async def require(self, batch: Sequence[SourceRow]) -> None:
        """Raises `AdoptionRefused` unless these are the next."""
        async with self._database.connection(_PAGE_S) as connection:
            rows = await next_rows(connection, self._ledger, self._stream, self._after, len(batch))
        expected = [row.record for row in batch]
        if rows != expected:
            raise _differs(self._stream)
        self._after = self._stream.key_of(rows[-1])

    async def require_end(self) -> None:
        async with self._database.connection(_PAGE_S) as connection:
            if await next_rows(connection, self._ledger, self._stream, self._after, 1):
                raise _differs(self._stream)


async def next_rows(
    connection: Connection, ledger: Ledger, stream: Stream, after: Key, limit: int
) -> list[tuple[object, ...]]:
    """Return the next copied rows of an adoption."""
    values = (*after, ledger.first_bucket, ledger.last_bucket, limit)
    return [tuple(row) for row in await connection.fetch(stream.target, *values)]


def _differs(stream: Stream) -> AdoptionRefused:
    return AdoptionRefused(
        f"the copy in the database differs from the store, in the table {stream.table}: remove it "
        "with --abandon, and adopt again"
    )


def _problem_of(row: SourceRow) -> str:
    """Return what is wrong with the bytes in the index, empty for nothing."""
    if not isinstance(row.content, Row):
        return ""
    if isinstance(row.content.location, Inline | Chunked) and row.payload is None:
        return "the index lacks its bytes, or its manifest"
    if not is_right(row.content, row.payload):
        return "the bytes in the index do not match their digest"
    return ""
