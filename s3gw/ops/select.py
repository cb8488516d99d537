"""SelectObjectContent: a SQL statement over one object, answered as an event stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from msgspec import Struct

from s3gw.access import Access
from s3gw.http.leaving import Connected
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.ops.select_document import (
    ScanRangeElement,
    SelectRequest,
    input_of,
    output_of,
    statement_of,
)
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import checked, customer_key, refuse_on_reads
from s3gw.s3.event_stream import CONTENT_TYPE, error, event
from s3gw.s3.routing import body, operation, path
from s3gw.select.decoding import first_byte
from s3gw.select.parsing import parse
from s3gw.select.query import (
    MAX_RECORD,
    Compression,
    CsvInput,
    Header,
    JsonInput,
    ParquetInput,
    Query,
    ScanRange,
)
from s3gw.select.running import RunningQuery, time_over
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.pacing import off_loop
from storage.ranges import Between, From, Want
from storage.values import ObjectInfo, Reading, ReadOptions

# Without a message, clients give the answer up after a minute.
KEEP_ALIVE_S = 5.0
PROGRESS_S = 1.0


@operation("POST", Level.OBJECT, marker="select-type=2", needs=("select",), access=Access.GET)
class SelectObjectContent:
    bucket: str = path("Bucket")
    key: str = path("Key")
    request: SelectRequest = body()

    async def run(self, call: Call) -> Reply:
        if call.caller.is_anonymous:
            raise S3Error(Code.AccessDenied)
        refuse_on_reads(call)
        statement, request = statement_of(self.request), self.request
        await off_loop(len(statement), parse, statement)
        source, compression = input_of(request)
        output = output_of(request)
        async with Connected(call.receive):
            info = (await call.store.head_object(self.bucket, self.key)).info
            bounds = call.services.queries.options.bounds
            if isinstance(source, ParquetInput) and info.size > bounds.spool:
                raise S3Error(Code.EntityTooLarge, _TOO_LARGE.format(bounds.spool))
            scan = _scan(request.scan_range, info, source, compression)
            query = Query(statement, source, output, bounds, compression, scan)
            stream = self._answer(call, query, info)
            # It runs up to the query's first message: what is wrong has a status of its own.
            await anext(stream)
        return Reply(200, {"Content-Type": CONTENT_TYPE}, stream)

    async def _answer(
        self, call: Call, query: Query, info: ObjectInfo
    ) -> AsyncGenerator[bytes, None]:
        async with call.services.queries.open(query) as running:
            query = await self._with_head(call, query)
            reading = await self._read(call, _wanted(query), info)
            await running.start(query, reading.body)
            yield b""
            events = Events(running, progress=self.request.wants_progress)
            async with aclosing(events.stream()) as messages:
                async for message in messages:
                    yield message

    async def _with_head(self, call: Call, query: Query) -> Query:
        """Return the query with the object's beginning, if the scan needs the names there."""
        named = isinstance(query.input, CsvInput) and query.input.header is Header.USE
        if not named or query.scan is None or query.scan.is_from_start:
            return query
        reading = await self._read(call, Between(0, MAX_RECORD), None)
        if isinstance(reading.body, bytes):
            return msgspec.structs.replace(query, head=reading.body)
        async with aclosing(reading.body):
            head = b"".join([bytes(chunk) async for chunk in reading.body])
        return msgspec.structs.replace(query, head=head)

    async def _read(self, call: Call, want: Want | None, seen: ObjectInfo | None) -> Reading:
        unlock = call.objects.encryption.unlock(customer_key(call))
        options = ReadOptions(want, unlock=unlock, before_stream=call.before_stream)
        reading = await checked(call, await call.store.get_object(self.bucket, self.key, options))
        if seen is not None and reading.info.etag != seen.etag:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
            raise S3Error(Code.OperationAborted)
        call.objects.access_times.note(call.bucket_info.lasting_name, self.key)
        return reading


_TOO_LARGE = (
    "A Parquet object of this size cannot be queried: the server takes {} bytes at most "
    "(select.spool)."
)


def _scan(
    given: ScanRangeElement | None,
    info: ObjectInfo,
    source: CsvInput | JsonInput | ParquetInput,
    compression: Compression,
) -> ScanRange | None:
    """Return the range of the object in bytes, None for all of it."""
    if given is None or (given.start is None and given.end is None):
        return None
    if compression is not Compression.NONE or (isinstance(source, JsonInput) and not source.lines):
        raise S3Error(Code.UnsupportedScanRangeInput)
    if given.start is None:
        start, stop = max(info.size - (given.end or 0), 0), info.size
    else:
        start, stop = given.start, info.size if given.end is None else given.end + 1
    if start >= stop or (start >= info.size and info.size):
        raise S3Error(Code.InvalidScanRange)
    return ScanRange(start, min(stop, info.size))


def _wanted(query: Query) -> Want | None:
    """Return the bytes to read: to the end, as the last record may be any length."""
    if query.scan is None or isinstance(query.input, ParquetInput):
        return None
    record = query.input.record if isinstance(query.input, CsvInput) else "\n"
    start = first_byte(query.scan, record.encode())
    return From(start) if start else None


class Events(Struct):
    """The messages about a running query: records, signs of life, progress, figures and the end."""

    query: RunningQuery
    progress: bool

    async def stream(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._waiting()) as messages:
            async for message in messages:
                yield message

    async def _waiting(self) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.query.bounds.time_s
        told = loop.time()
        async with aclosing(self.query.records()) as records:
            while True:
                waiting = asyncio.ensure_future(_next(records))
                try:
                    while not (await asyncio.wait({waiting}, timeout=self._patience(deadline)))[0]:
                        if loop.time() >= deadline:
                            yield _error(time_over(self.query.bounds))
                            return
                        yield self._progress() if self.progress else event("Cont")
                finally:
                    waiting.cancel()
                    await asyncio.wait({waiting})
                failed = waiting.exception()
                if failed is not None:
                    yield _error(as_s3_error(failed))
                    return
                data = waiting.result()
                if data is None:
                    break
                yield event("Records", "application/octet-stream", data)
                if self.progress and loop.time() - told >= PROGRESS_S:
                    told = loop.time()
                    yield self._progress()
        if self.progress:
            yield self._progress()
        yield event("Stats", "text/xml", self._figures("Stats"))
        yield event("End")

    def _patience(self, deadline: float) -> float:
        left = deadline - asyncio.get_running_loop().time()
        return max(min(PROGRESS_S if self.progress else KEEP_ALIVE_S, left), 0)

    def _progress(self) -> bytes:
        return event("Progress", "text/xml", self._figures("Progress"))

    def _figures(self, root: str) -> bytes:
        query = self.query
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><{root}>'
            f"<BytesScanned>{query.scanned}</BytesScanned>"
            f"<BytesProcessed>{query.processed}</BytesProcessed>"
            f"<BytesReturned>{query.returned}</BytesReturned></{root}>"
        ).encode()


async def _next(records: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(records, None)


def _error(refusal: S3Error) -> bytes:
    return error(refusal.code.wire, refusal.message)
