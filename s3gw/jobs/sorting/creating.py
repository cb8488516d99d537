"""Creation of output shards: the members of sorted records, read where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cluster.jobs.job_run import JobFailed
from cluster.jobs.sorting import MARK, SortTask
from s3gw.jobs.sorting.at_once import in_order
from s3gw.jobs.sorting.planning import PlannedShard, records_of
from s3gw.jobs.sorting.records import Piece, Record
from s3gw.jobs.sorting.scratch import Scratch
from s3gw.jobs.sorting.shards import Copied, InputShard
from s3gw.objects.archive_writing import ArchiveOrder, Mode, write_archive
from s3gw.objects.attributes import new_attributes
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.context import Context
from s3gw.objects.encryption import no_customer_key
from s3gw.objects.service import ObjectService
from s3gw.wire.errors import S3Error
from storage import failpoints
from storage.archives import Addition, Additions, Entry, SeveralAdditions
from storage.archives.member import decoded
from storage.errors import KeyRequired, MalformedArchive, ObjectChanged, ObjectLocked
from storage.values import BucketInfo, Stream

# Records that are looked at in one step, and bytes that are read in one.
_RECORDS = 256
_TOGETHER_BYTES = 1 << 20
# Errors that would be a riddle without the shard that they are about.
_OF_SHARDS = (KeyRequired, MalformedArchive, ObjectChanged, ObjectLocked)


class Small(Struct, frozen=True):
    """A piece whose bytes are in a temporary file as they are."""

    source: Copied
    piece: Piece
    modified_s: int

    @property
    def entry(self) -> Entry:
        return Entry(decoded(self.piece.name), self.piece.size, self.modified_s)

    def read(self) -> bytes:
        return self.source.scratch.read(self.source.base + self.piece.offset, self.piece.size)


class Large(Struct, frozen=True):
    """A piece that is opened alone."""

    input: InputShard
    piece: Piece


class Creation(Struct, frozen=True):
    """`shards` are the inputs by number, `order` is the file of the sorted records."""

    task: SortTask
    objects: ObjectService
    bucket: BucketInfo
    shards: Mapping[int, InputShard]
    order: Scratch

    async def create(self, planned: Sequence[PlannedShard]) -> None:
        """Create all shards. Raise `JobFailed` and `StorageError`."""
        task = self.task
        async with aclosing(in_order(self._works(planned), task.orders.writers)) as outcomes:
            async for size in outcomes:
                task.shown.created += 1
                task.count(size)
                failpoints.hit("sort_inside_creation")
                await task.progress()

    async def _works(
        self, planned: Sequence[PlannedShard]
    ) -> AsyncIterator[Coroutine[Any, Any, int]]:
        for shard in planned:
            self.task.check()
            yield self._create(shard)

    async def _create(self, planned: PlannedShard) -> int:
        """Return the size of the archive in bytes."""
        context = Context(self.task.job.requested_by)
        given = new_attributes(self.bucket, context.clock.now_ns())
        order = ArchiveOrder(
            mode=Mode.NEW,
            attributes=replace(given, custom={MARK: self.task.job.xid}),
            unlock=self.objects.encryption.unlock(no_customer_key),
            keep=kept_in(self.bucket),
        )
        members = self._members(planned)
        try:
            made = await write_archive(
                self.objects, context, self.bucket, planned.name, order, members
            )
        except S3Error as error:
            raise JobFailed(f"{planned.name}: {error.message}") from None
        except _OF_SHARDS as error:
            why = str(error) or type(error).__name__
            if isinstance(error, ObjectChanged):
                why = f"the input shard {why} was replaced meanwhile"
            raise JobFailed(f"failed to create shard {planned.name}: {why}") from None
        return made.size

    async def _members(self, planned: PlannedShard) -> Additions:
        records = records_of(planned, self.order)
        while batch := await asyncio.to_thread(_some, records):
            for group in _together(self._pieces(batch)):
                self.task.check()
                if isinstance(group, Large):
                    yield await self._opened(group)
                    continue
                yield SeveralAdditions(len(group), partial(_read, group))

    def _pieces(self, records: Sequence[Record]) -> Iterator[Small | Large]:
        for record in records:
            found = self.shards[record.shard]
            source = found.shard.source
            for piece in record.pieces:
                is_small = piece.size <= _TOGETHER_BYTES and not piece.packing
                if is_small and isinstance(source, Copied):
                    yield Small(source, piece, found.modified_s)
                else:
                    yield Large(found, piece)

    async def _opened(self, large: Large) -> Addition:
        found, member = large.input, large.piece.member
        body = (await found.shard.open_member(member)).body
        entry = Entry(member.name, member.size, found.modified_s)
        return Addition(entry, body if isinstance(body, bytes) else self._checked(body))

    async def _checked(self, body: Stream) -> Stream:
        async with aclosing(body) as pieces:
            async for piece in pieces:
                self.task.check()
                yield piece


def _some(records: Iterator[Record]) -> list[Record]:
    return list(islice(records, _RECORDS))


def _read(smalls: Sequence[Small]) -> list[tuple[Entry, bytes]]:
    return [(small.entry, small.read()) for small in smalls]


def _together(pieces: Iterator[Small | Large]) -> Iterator[list[Small] | Large]:
    """Yield the small pieces in groups of some bytes, the large ones alone, in their order."""
    group: list[Small] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, Small) and size + piece.piece.size <= _TOGETHER_BYTES:
            group.append(piece)
            size += piece.piece.size
            continue
        if group:
            yield group
        group, size = [], 0
        if isinstance(piece, Small):
            group, size = [piece], piece.piece.size
        else:
            yield piece
    if group:
        yield group
