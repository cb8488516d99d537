"""Answer to a batch: an archive that streams, in bounded memory.

The first piece is ready before the answer begins, so that an error at the start has its own status.
A later error that may not be skipped ends the answer early, and its reader notices: an archive
without its end, in a body without its end.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from enum import Enum
from typing import Any, Protocol

import msgspec
from msgspec import Struct, field

from s3gw.config.schema import DEFAULT_AHEAD, DEFAULT_SOFT_ERRORS, GetBatch
from s3gw.http.memory_room import Holding, Room
from s3gw.objects.batch.errors import BatchFailed, SizeChanged, TooBusy, TooManyFailures
from s3gw.objects.batch.read_ahead import SLICE_BYTES, Entries, Found, Result
from s3gw.objects.batch.request import Batch, Item
from storage.archives import Archives, ArchiveWriter, Entry, archive_writer, packed
from storage.backend import Backend
from storage.errors import StorageError
from storage.load import LoadMeter
from storage.pacing import off_loop, paced
from storage.values import Stream, Unlock

# Prefix of the name of an entry that could not be read.
MISSING = "__404__/"
# The bytes sent at once; the first piece is smaller, and comes from the first slice.
_PIECE = 256 << 10
_FIRST_PIECE = 16 << 10
# About how many bytes the metadata of an entry has.
_ROW_BYTES = 100


class Outcome(Enum):
    """How a batch ended; `ABORTED`: the client disconnected."""

    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"
    REFUSED = "refused"


class Tally(Struct):
    """Result of a batch: objects and members sent, their bytes, and the failures."""

    objects: int = 0
    members: int = 0
    object_bytes: int = 0
    member_bytes: int = 0
    failures: int = 0

    def count(self, item: Item, size: int) -> None:
        if item.archpath:
            self.members += 1
            self.member_bytes += size
        else:
            self.objects += 1
            self.object_bytes += size


Watch = Callable[[Outcome, Tally], None]
Note = Callable[[Item], None]


class BatchOptions(Struct, frozen=True):
    """`max_wait_s` is the most that one read may take; `slices_ahead` is how many groups of entries
    are read ahead; `memory_bytes` is for all batches of this process at once, and `queue_s` how
    long one waits for it, with at most `queue` others."""

    max_wait_s: float = 30.0
    slices_ahead: int = DEFAULT_AHEAD
    max_soft_errors: int = DEFAULT_SOFT_ERRORS
    memory_bytes: int = 128 << 20
    queue_s: float = 15.0
    queue: int = 1000

    @classmethod
    def from_settings(cls, settings: GetBatch) -> BatchOptions:
        """Return the options of the configuration; there, 0 is the default and -1 is no limit."""
        return cls(
            settings.max_wait_s,
            max(settings.warmup_workers, 0) if settings.warmup_workers else DEFAULT_AHEAD,
            settings.max_soft_errs or DEFAULT_SOFT_ERRORS,
            settings.memory,
            settings.queue_s,
            settings.queue,
        )

    @property
    def batch_bytes(self) -> int:
        """Return the most memory that one batch may hold."""
        return (self.slices_ahead + 1) * SLICE_BYTES + 4 * _PIECE


class BatchJob(Protocol):
    """The job that a batch belongs to."""

    async def check(self) -> None:
        """Raise `BatchStopped` when it was stopped; called while the batch runs."""

    def count(self, tally: Tally) -> None:
        """Count what the batch has sent, at its end."""


class NoJob:
    """In place of the job of a batch that has none."""

    async def check(self) -> None:
        pass

    def count(self, tally: Tally) -> None:
        pass


def _not_noted(item: Item) -> None:
    pass


class Place(Struct, frozen=True):
    """Where the entries are, and how encrypted ones are opened: `unlock` raises `StorageError`
    only. `id` is the batch's own, `client` is who shares memory with others of the same; `job` is
    what it belongs to. `note` is called with each entry that is read."""

    store: Backend
    archives: Archives
    unlock: Unlock
    id: str = ""
    client: str = ""
    job: BatchJob = field(default_factory=NoJob)
    note: Note = _not_noted


class Answer(Struct, frozen=True):
    """Media type and body: a bare archive, or multipart with metadata first."""

    content_type: str
    body: Stream


class Batches:
    """Answers batches, as many at once as memory allows; further ones wait. When the machine has
    no memory or no descriptors left, they are refused."""

    def __init__(
        self,
        options: BatchOptions | None = None,
        watch: Watch | None = None,
        meter: LoadMeter | None = None,
    ) -> None:
        self.options = options or BatchOptions()
        self._meter = meter or LoadMeter()
        self._watch = watch
        self._room = Room(self.options.memory_bytes)

    async def run(self, place: Place, batch: Batch) -> Answer:
        """Return the answer; the caller must close its body. Raise `TooBusy`; and `BatchFailed` for
        a required entry that cannot be read, if that is known before the answer begins."""
        options, room = self.options, self._room
        room.size, room.patience_s, room.longest = (
            options.memory_bytes,
            options.queue_s,
            options.queue,
        )
        try:
            if self._meter.advice().refuses:
                raise TooBusy
            memory = await room.enter(place.client, SLICE_BYTES)
        except TooBusy:
            self._note(Outcome.REFUSED, Tally())
            raise
        run = _Run(batch, self._entries(place, memory), options, place.id, place.note)
        try:
            kind, body = await run.answer()
        except BaseException as error:
            memory.close()
            failed = isinstance(error, StorageError)
            self._note(Outcome.FAILED if failed else Outcome.ABORTED, run.tally)
            raise
        pieces = self._watched(run, body, memory, place.job)
        return Answer(kind, _Resumed(await anext(pieces), pieces))

    def _entries(self, place: Place, memory: Holding) -> Entries:
        options = self.options
        return Entries(
            place.store,
            place.archives,
            place.unlock,
            options.max_wait_s,
            options.slices_ahead,
            memory,
        )

    async def _watched(self, run: _Run, body: Stream, memory: Holding, job: BatchJob) -> Stream:
        outcome = Outcome.ABORTED
        try:
            async with aclosing(body):
                async for piece in body:
                    await job.check()
                    yield piece
            outcome = Outcome.DONE
        except StorageError:
            outcome = Outcome.FAILED
            raise
        finally:
            memory.close()
            job.count(run.tally)
            self._note(outcome, run.tally)

    def _note(self, outcome: Outcome, tally: Tally) -> None:
        if self._watch is not None:
            self._watch(outcome, tally)


class _Resumed(AsyncGenerator[bytes, None]):
    """A stream whose first piece was taken already. A plain generator that was not started itself
    would not close the stream that it continues."""

    def __init__(self, first: bytes, rest: Stream) -> None:
        self._first: bytes | None = first
        self._rest = rest

    async def asend(self, value: None) -> bytes:
        first, self._first = self._first, None
        return await self._rest.asend(value) if first is None else first

    async def athrow(self, *error: Any) -> bytes:
        self._first = None
        return await self._rest.athrow(*error)

    async def aclose(self) -> None:
        self._first = None
        await self._rest.aclose()


class _Metadatum(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Metadata of one entry in an answer; as in Go, without empty fields."""

    objname: str
    archpath: str = ""
    bucket: str
    provider: str
    err_msg: str = ""
    opaque: bytes = b""
    size: int


class _Metadata(msgspec.Struct, frozen=True):
    uuid: str
    out: list[_Metadatum]


class _Run(Struct):
    """One running batch."""

    batch: Batch
    entries: Entries
    options: BatchOptions
    id: str
    note: Note
    tally: Tally = field(default_factory=Tally)

    async def answer(self) -> tuple[str, Stream]:
        """Return the type and the pieces of the body. Where the metadata at its head needs every
        entry, all are looked up first."""
        batch = self.batch
        if batch.streaming and batch.continue_on_error:
            return batch.format.content_type, self._packed(self._archive(self._results()))
        found = await self._look()
        body = self._packed(self._archive(self._results_of(found)))
        if batch.streaming:
            return batch.format.content_type, body
        boundary = os.urandom(16).hex()
        return f"multipart/mixed; boundary={boundary}", self._multipart(boundary, found, body)

    def _packed(self, archive: Stream) -> Stream:
        kind = self.batch.format
        return packed(kind, archive) if kind.is_compressed_tar else archive

    async def _look(self) -> Sequence[int | StorageError]:
        """Return the size of each entry, or why it cannot be read."""
        found: list[int | StorageError] = []
        known: dict[Item, int | StorageError] = {}
        failures = 0
        async for place, item in paced(enumerate(self.batch.items)):
            if item not in known:
                known[item] = await self.entries.look(item)
            found.append(known[item])
            if isinstance(error := found[-1], StorageError):
                failures += 1
                self._check(failures, place, error)
        return found

    def _check(self, failures: int, place: int, error: StorageError) -> None:
        """Raise `BatchFailed` if that is one failure too many."""
        if not self.batch.continue_on_error:
            raise BatchFailed(place, error)
        if failures > self.options.max_soft_errors:
            raise TooManyFailures(place, error)

    async def _multipart(
        self, boundary: str, found: Sequence[int | StorageError], archive: Stream
    ) -> Stream:
        metadata = await off_loop(_ROW_BYTES * len(found), self._metadata, found)
        file = f'name="archive"; filename="archive{self.batch.format.value}"'
        async with aclosing(archive):
            yield (
                _part(boundary, 'name="metadata"', "application/json")
                + metadata
                + b"\r\n"
                + _part(boundary, file, self.batch.format.content_type)
            )
            async for piece in archive:
                yield piece
        yield f"\r\n--{boundary}--\r\n".encode()

    def _metadata(self, found: Sequence[int | StorageError]) -> bytes:
        entries = [_metadatum(*each) for each in zip(self.batch.items, found, strict=True)]
        return msgspec.json.encode(_Metadata(self.id, entries))

    async def _archive(self, found: AsyncGenerator[Result, None]) -> Stream:
        writer, pieces = archive_writer(self.batch.format), _Pieces()
        place = 0
        async with aclosing(found) as results:
            async for result in results:
                item = self.batch.items[place]
                if isinstance(result, Found) and not isinstance(result.body, bytes):
                    self._count(item, result)
                    body = _streamed(writer, self._entry(item, result), result.body)
                    async with aclosing(body):
                        async for piece in body:
                            yield pieces.taken_with(piece)
                elif pieces.add(self._whole(writer, item, place, result)):
                    yield pieces.taken_with(b"")
                place += 1
        yield pieces.taken_with(writer.finish())

    def _whole(self, writer: ArchiveWriter, item: Item, place: int, result: Result) -> bytes:
        if isinstance(result, Found):
            assert isinstance(result.body, bytes)
            self._count(item, result)
            return writer.whole(self._entry(item, result), result.body)
        self.tally.failures += 1
        self._check(self.tally.failures, place, result)
        path = item.path(only_names=self.batch.only_names)
        return writer.whole(Entry(MISSING + path, 0), b"")

    def _count(self, item: Item, found: Found) -> None:
        self.tally.count(item, found.size)
        self.note(item)

    def _entry(self, item: Item, found: Found) -> Entry:
        path = item.path(only_names=self.batch.only_names)
        return Entry(path, found.size, found.modified_s)

    def _results(self) -> AsyncGenerator[Result, None]:
        return self.entries.results(self.batch.items)

    async def _results_of(
        self, found: Sequence[int | StorageError]
    ) -> AsyncGenerator[Result, None]:
        """Yield the result of each entry; one that was found before must still be the same."""
        there = [
            item
            for item, size in zip(self.batch.items, found, strict=True)
            if not isinstance(size, StorageError)
        ]
        async with aclosing(self.entries.results(there)) as results:
            for place, size in enumerate(found):
                if isinstance(size, StorageError):
                    yield size
                    continue
                result = await anext(results)
                if isinstance(result, StorageError):
                    raise BatchFailed(place, result)
                if result.size != size:
                    raise BatchFailed(place, SizeChanged(f"{size} bytes became {result.size}"))
                yield result


class _Pieces:
    """Gathers small pieces into large ones; the first one is smaller."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._enough = _FIRST_PIECE

    def add(self, piece: bytes) -> bool:
        """Add a piece; return whether there is enough now."""
        self._pieces.append(piece)
        self._size += len(piece)
        return self._size >= self._enough

    def taken_with(self, piece: bytes) -> bytes:
        """Return the gathered pieces and one more."""
        taken = b"".join((*self._pieces, piece)) if self._pieces else piece
        self._pieces, self._size, self._enough = [], 0, _PIECE
        return taken


async def _streamed(writer: ArchiveWriter, entry: Entry, body: Stream) -> Stream:
    yield writer.begin(entry)
    async with aclosing(body):
        async for piece in body:
            yield writer.content(piece)
    yield writer.end()


def _metadatum(item: Item, found: int | StorageError) -> _Metadatum:
    failed = isinstance(found, StorageError)
    return _Metadatum(
        objname=item.name,
        archpath=item.archpath,
        bucket=item.bucket_name,
        provider=item.provider,
        err_msg=f"{type(found).__name__}: {found}" if failed else "",
        opaque=item.opaque,
        size=0 if isinstance(found, StorageError) else found,
    )


def _part(boundary: str, name: str, content_type: str) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n"
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode()
