"""Queries of a server process: started, fed, read, bounded and ended.

Each query has a process (`s3gw.select.process`), which can be killed whatever it does: when it is
over its time, and when the client leaves. The object's bytes go through a pipe into it, as fast as
it takes them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import msgspec

import s3gw
from s3gw.config.select import Select
from s3gw.select.messages import HEAD, LENGTH, Tag
from s3gw.select.query import Bounds, Query
from s3gw.wire.errors import Code, S3Error
from storage.values import Stream

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-P", "-m", "s3gw.select.process")
# A pipe's worth: more would only wait in this process.
_PIECE = 256 << 10
_LAST_WORDS = 2000
INSTALL = (
    "S3 Select needs DuckDB: install it on the server with `pip install 's3gw[select]'`, and "
    "restart the server."
)
_TIME_OVER = "The query took longer than {:g} seconds (select.time_s). Use a scan range or LIMIT."
_MANY = "As many queries run as may run at once (select.queries). Try again later."


class QueryOptions(msgspec.Struct, frozen=True):
    """`most` is how many queries of this server process run at once."""

    bounds: Bounds
    most: int


class Queries:
    """Admits queries; those over the number that may run at once are refused."""

    def __init__(self, options: QueryOptions) -> None:
        self.options = options
        self._running = 0

    @property
    def running(self) -> int:
        return self._running

    def open(self, query: Query) -> RunningQuery:
        """Return the query, not started yet. Raise SlowDown, or NotImplemented without DuckDB."""
        if find_spec("duckdb") is None:
            raise S3Error(Code.NotImplemented, INSTALL)
        if self._running >= self.options.most:
            raise S3Error(Code.SlowDown, _MANY, headers={"Retry-After": "1"})
        self._running += 1
        return RunningQuery(query.bounds, close=self._end)

    def _end(self) -> None:
        self._running -= 1


class RunningQuery:
    """A query with its process. `scanned`, `processed` and `returned` count bytes so far."""

    def __init__(self, bounds: Bounds, close: Callable[[], None]) -> None:
        self.scanned = self.processed = self.returned = 0
        self.bounds = bounds
        self._close = close
        self._process: Process | None = None
        self._feeding: asyncio.Task[None] | None = None
        self._failed: BaseException | None = None

    async def __aenter__(self) -> RunningQuery:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the query and its process."""
        feeding, process = self._feeding, self._process
        self._feeding = self._process = None
        self._close()
        self._close = _nothing
        if feeding is not None:
            feeding.cancel()
            await asyncio.wait({feeding})
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def start(self, query: Query, body: bytes | Stream) -> None:
        """Begin to run over the body. Raise what is wrong with the query, if it cannot begin."""
        folder = str(Path(s3gw.__file__).parents[1])
        environment = {"PYTHONPATH": folder, "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        self._process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        self._feeding = asyncio.create_task(self._feed(self._process, query, body))
        tag, _ = await self._message()
        if tag is not Tag.READY:
            raise S3Error(Code.InternalError)

    async def _feed(self, process: Process, query: Query, body: bytes | Stream) -> None:
        """Write the query and the object; the process may end before it has read all."""
        assert process.stdin is not None
        pipe = process.stdin
        described = msgspec.json.encode(query)
        try:
            pipe.write(LENGTH.pack(len(described)) + described)
            if isinstance(body, bytes):
                await self._write(pipe, body)
            else:
                async with aclosing(body):
                    async for chunk in body:
                        await self._write(pipe, chunk)
            pipe.close()
        except (BrokenPipeError, ConnectionResetError):
            pass
        except BaseException as error:
            # The query would take what it has for the whole object.
            self._failed = error
            with suppress(ProcessLookupError):
                process.kill()
            raise

    async def _write(self, pipe: asyncio.StreamWriter, data: bytes | memoryview) -> None:
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            pipe.write(piece)
            await pipe.drain()
            self.scanned += len(piece)

    async def records(self) -> AsyncGenerator[bytes, None]:
        """Yield the text of the result. Raise the query's error."""
        while True:
            tag, data = await self._message()
            match tag:
                case Tag.RECORDS:
                    self.returned += len(data)
                    yield data
                case Tag.PROCESSED:
                    (self.processed,) = struct.unpack(">Q", data)
                case Tag.DONE:
                    (self.processed,) = struct.unpack(">Q", data)
                    return

    async def _message(self) -> tuple[Tag, bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout
        try:
            tag, size = HEAD.unpack(await pipe.readexactly(HEAD.size))
            data = await pipe.readexactly(size)
        except asyncio.IncompleteReadError:
            raise await self._died() from None
        if Tag(tag) is Tag.FAILED:
            name, message = msgspec.json.decode(data, type=tuple[str, str])
            raise S3Error(Code[name], message)
        return Tag(tag), data

    async def _died(self) -> BaseException:
        """Return the error of a process that ended without a result."""
        assert self._process is not None
        assert self._process.stderr is not None
        words = await self._process.stderr.read()
        status = await self._process.wait()
        if self._feeding is not None and self._failed is None:
            await asyncio.wait({self._feeding}, timeout=0)
        if self._failed is not None:
            return self._failed
        fields = {"status": status, "output": words[-_LAST_WORDS:].decode(errors="replace")}
        log.error("the process of a query died", extra=fields)
        return S3Error(Code.InternalError)


def queries_of(settings: Select) -> Queries:
    """Return the admission of queries, bounded as the settings say."""
    bounds = Bounds(
        memory=settings.memory,
        threads=settings.threads,
        time_s=settings.time_s,
        spool=settings.spool,
        spool_folder=settings.spool_folder,
    )
    return Queries(QueryOptions(bounds, settings.queries))


def default_queries() -> Queries:
    return queries_of(Select())


def _nothing() -> None:
    pass


def time_over(bounds: Bounds) -> S3Error:
    return S3Error(Code.RequestTimeout, _TIME_OVER.format(bounds.time_s))
