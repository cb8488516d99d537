"""Download of one object in parts: ranges, or a stream that is cut.

Each part is one of an upload in the local store. So of ranges what has come survives the end of the
process, and the next download of the same object continues it; and readers read the parts from
the disk, in their order, while later ones still come: a slow reader takes no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress

from storage.backend import Backend, Store
from storage.errors import (
    BackendUnavailable,
    OutOfSpace,
    PartNotFound,
    PreconditionFailed,
    UploadNotFound,
)
from storage.load import LoadGate, LoadMeter
from storage.ranges import Between, From
from storage.tier.blocks import blocks_of
from storage.tier.remote import Remote, origin_of
from storage.values import (
    MAX_PARTS,
    CompleteOptions,
    Condition,
    ObjectInfo,
    Parallel,
    PartInfo,
    PartOptions,
    ReadOptions,
    Sealed,
    Stream,
    UploadInfo,
    UploadOptions,
    UploadQuery,
)

# The bounds are AIStore's.
SMALLEST_BYTES = 32 << 10
LARGEST_BYTES = 16 << 20
USUAL_BYTES = 8 << 20
USUAL_WORKERS = 16
# A worker with that many ranges has larger ones: each request costs the same.
ENOUGH_RANGES = 4
MOST_WORKERS = 128
_NOTHING_HERE = Condition(if_none_match=("*",))


def incomplete(name: str) -> BackendUnavailable:
    return BackendUnavailable(name, "", "the backend sent another length than it had announced")


def stopped_download() -> BackendUnavailable:
    return BackendUnavailable("", "", "the download was stopped")


class PartDigest:
    """Digest of a part that only counts: it refuses another length."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._left = size

    def update(self, block: bytes) -> None:
        self._left -= len(block)

    def seal(self) -> Sealed:
        if self._left:
            raise incomplete(self._name)
        return Sealed("")


class _Cutter:
    """A stream that is taken in pieces of given sizes."""

    def __init__(self, body: Stream) -> None:
        self._body = aiter(body)
        self._rest = b""

    async def take(self, size: int) -> Stream:
        """Yield the next bytes; fewer at the end."""
        while size:
            block, self._rest = self._rest or await anext(self._body, b""), b""
            if not block:
                return
            if len(block) > size:
                block, self._rest = block[:size], block[size:]
            size -= len(block)
            yield block

    async def is_over(self) -> bool:
        return not self._rest and not await anext(self._body, b"")


class PartsDownload:
    """The download of the object that `info` describes, as the backend has it."""

    def __init__(
        self,
        local: Store,
        remote: Remote,
        info: ObjectInfo,
        how: Parallel,
        meter: LoadMeter,
    ) -> None:
        self._local = local
        self._meter = meter
        self._remote = remote
        self._info = info
        self._workers = min(how.workers or USUAL_WORKERS, MOST_WORKERS)
        self._gate = LoadGate(meter, self._workers)
        usual = max(USUAL_BYTES, info.size // (ENOUGH_RANGES * self._workers))
        asked = min(max(how.chunk_bytes or usual, SMALLEST_BYTES), LARGEST_BYTES)
        self._chunk_bytes = max(asked, -(-info.size // MAX_PARTS))
        self._upload_id = ""
        self._stored: dict[int, int] = {}
        self._failure: BaseException | None = None
        self._is_over = False
        self._news = asyncio.Event()

    @property
    def done_bytes(self) -> int:
        return sum(self._stored.values())

    async def run(self, body: Stream | None = None) -> None:
        """Have the object here when this returns: cut from its `body`, or fetched in ranges. After
        a failure nothing of it is; a download that was cancelled leaves its parts, for the next one
        in ranges."""
        try:
            await self._begin(anew=body is not None)
            if body is None:
                await self._fetch_all()
            else:
                await self._cut(body)
            await self._complete()
        except BaseException as error:
            self._failure = error
            if not isinstance(error, asyncio.CancelledError):
                await self.discard()
            raise
        finally:
            self._is_over = True
            self._news.set()

    async def discard(self) -> None:
        """Remove what has come of a download that has ended early."""
        if self._upload_id:
            await self._abort(self._upload_id)

    async def stream(self, start: int = 0) -> Stream:
        """Yield the object from that byte on while it comes. Its last bytes come when it is here;
        when it finds no room here, the rest comes from the backend."""
        at = start
        place: Backend = self._local
        bucket, unchanged = self._remote.bucket.name, Condition(if_match=(self._info.etag,))
        try:
            async with aclosing(self._parts_from(start)) as blocks:
                async for block in blocks:
                    at += len(block)
                    yield block
            await self._wait_for(None)
        except OutOfSpace:
            place, bucket = self._remote.backend, self._remote.name
        options = ReadOptions(want=From(at) if at else None, condition=unchanged)
        reading = await place.get_object(bucket, self._info.name, options)
        async with aclosing(blocks_of(reading.body)) as blocks:
            async for block in blocks:
                yield block

    async def _parts_from(self, start: int) -> Stream:
        """Yield all parts but the last as they come, from that byte on; fewer when the object is
        here before."""
        skipped = start % self._chunk_bytes
        for number in range(1 + start // self._chunk_bytes, self._count):
            await self._wait_for(number)
            try:
                part = await self._local.get_part(*self._place, number)
            except (UploadNotFound, PartNotFound):
                return
            async with aclosing(blocks_of(part)) as blocks:
                async for block in blocks:
                    wanted = block[skipped:]
                    skipped = max(0, skipped - len(block))
                    if wanted:
                        yield wanted

    @property
    def _place(self) -> tuple[str, str, str]:
        return self._remote.bucket.name, self._info.name, self._upload_id

    @property
    def _count(self) -> int:
        return max(1, -(-self._info.size // self._chunk_bytes))

    def _span(self, number: int) -> Between:
        start = (number - 1) * self._chunk_bytes
        return Between(start, min(start + self._chunk_bytes, self._info.size))

    async def _wait_for(self, number: int | None) -> None:
        """Return when that part is here, or all is. Raise what the download raised."""
        while number not in self._stored and not self._is_over:
            await self._news.wait()
        if self._failure is not None:
            stopped = isinstance(self._failure, asyncio.CancelledError)
            raise stopped_download() if stopped else self._failure

    async def _begin(self, *, anew: bool) -> None:
        """Continue what an earlier download of this very object left, unless it is to be `anew`,
        else begin; what is left of another one of that name is removed."""
        bucket, name = self._remote.bucket.name, self._info.name
        origin = origin_of(self._info)
        async for upload in unfinished(self._local, bucket, name):
            if upload.name != name:
                continue
            parts = await self._parts_of(upload)
            is_ours = not anew and not self._upload_id and upload.attributes.origin == origin
            if is_ours and self._fits(parts):
                self._upload_id = upload.id
                self._stored = {part.number: part.size for part in parts}
            else:
                await self._abort(upload.id)
        if not self._upload_id:
            attributes = self._info.attributes.of_origin(origin)
            options = UploadOptions(self._remote.bucket.owner, attributes)
            self._upload_id = (await self._local.create_upload(bucket, name, options)).id

    async def _parts_of(self, upload: UploadInfo) -> list[PartInfo]:
        parts: list[PartInfo] = []
        after: int | None = 0
        while after is not None:
            bucket = self._remote.bucket.name
            page = await self._local.list_parts(bucket, upload.name, upload.id, after=after)
            parts += page.parts
            after = page.next_after
        return parts

    def _fits(self, parts: list[PartInfo]) -> bool:
        """Whether these are parts of this object, all of one size; they are then of this download,
        which takes their size."""
        if parts:
            self._chunk_bytes = max(part.size for part in parts)
        return all(part.size == len(self._span(part.number)) for part in parts)

    async def _fetch_all(self) -> None:
        """Fetch what is missing. Raise the first failure, when all the others have ended."""
        missing = iter([each for each in range(1, self._count + 1) if each not in self._stored])
        workers = [
            asyncio.ensure_future(self._work(missing))
            for _ in range(min(self._workers, self._count))
        ]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in done:
                worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _cut(self, body: Stream) -> None:
        """Store the parts of a stream, one after the other."""
        cutter = _Cutter(body)
        for number in range(1, self._count + 1):
            size = len(self._span(number))
            options = PartOptions(PartDigest(self._info.name, size))
            part = await self._local.put_part(*self._place, number, cutter.take(size), options)
            self._note(part)
        if not await cutter.is_over():
            raise incomplete(self._info.name)

    def _note(self, part: PartInfo) -> None:
        self._stored[part.number] = part.size
        self._news.set()
        self._news = asyncio.Event()

    async def _work(self, missing: Iterator[int]) -> None:
        while True:
            await self._meter.rest()
            async with self._gate.entered():
                number = next(missing, None)
                if number is None:
                    return
                await self._fetch(number)

    async def _fetch(self, number: int) -> None:
        span = self._span(number)
        unchanged = Condition(if_match=(self._info.etag,))
        there = ReadOptions(want=span if len(span) else None, condition=unchanged)
        remote, name = self._remote, self._info.name
        try:
            reading = await remote.backend.get_object(remote.name, name, there)
        except PreconditionFailed:
            raise BackendUnavailable(name, "", "it changed while it was fetched") from None
        async with aclosing(blocks_of(reading.body)) as body:
            options = PartOptions(PartDigest(name, len(span)))
            part = await self._local.put_part(*self._place, number, body, options)
        self._note(part)

    async def _complete(self) -> None:
        info = self._info
        options = CompleteOptions(
            tuple(range(1, self._count + 1)),
            lambda _upload, _parts: Sealed(info.etag, info.checksum),
            _NOTHING_HERE,
            whole=True,
            modified_ns=info.modified_ns or None,
        )
        try:
            await self._local.complete_upload(*self._place, options)
        except PreconditionFailed:
            # It was written here meanwhile, and is newer.
            await self._abort(self._upload_id)

    async def _abort(self, upload_id: str) -> None:
        with suppress(UploadNotFound):
            await self._local.abort_upload(self._remote.bucket.name, self._info.name, upload_id)


def is_download(upload: UploadInfo) -> bool:
    """Whether it is the upload of a download here: the backend's origin is known from the start."""
    origin = upload.attributes.origin
    return origin is not None and bool(origin.etag)


async def unfinished(local: Store, bucket: str, prefix: str = "") -> AsyncIterator[UploadInfo]:
    """Yield the uploads of downloads of a bucket."""
    query: UploadQuery | None = UploadQuery(prefix=prefix)
    while query is not None:
        page = await local.list_uploads(bucket, query)
        for upload in page.uploads:
            if is_download(upload):
                yield upload
        after = page.next_after
        query = None if after is None else UploadQuery(prefix, "", after, page.next_id)
