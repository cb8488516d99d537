"""Objects through transformers, one or several after the other.

The output of one transformer is the input of the next as it comes: nothing is kept between. Each
process has a bounded number of objects in each transformer; a few more wait, and the others are
refused, so that a slow transformer never holds all of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from s3gw.config.etl import Etl
from s3gw.etl.counting import Counting
from s3gw.etl.errors import EtlError, NoSuchEtl, TransformFailed, Unavailable
from s3gw.etl.message import Communication
from s3gw.etl.records import EtlRecords, ObjectError, Record
from s3gw.etl.scratch import Scratch
from s3gw.etl.sessions import Sessions
from s3gw.etl.talk.files import BY_FILE, Files
from s3gw.etl.talk.http import Http
from s3gw.etl.talk.websocket import WebSocket
from s3gw.etl.talk.work import Bounds, Piece, Work, started
from storage.values import Stream


class _Line(Struct):
    """What one process has in one transformer: those that are in it, and those that wait."""

    at_once: int
    room: asyncio.Semaphore
    talk: Http | WebSocket
    url: str
    files: Files | None = None
    waiting: int = 0

    async def enter(self, name: str, *, patient: bool) -> None:
        """Wait for room. Raise `Unavailable` where too many wait already, unless `patient`."""
        if not patient and self.room.locked() and self.waiting >= self.at_once:
            raise Unavailable(f"etl job {name} is busy: {self.at_once} objects wait for it already")
        self.waiting += 1
        try:
            await self.room.acquire()
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        self.room.release()

    async def close(self) -> None:
        if isinstance(self.talk, WebSocket):
            await self.talk.close()


class Transforming:
    """The transformers of this machine, whose target is `target`, as one process uses them. One
    that is `patient` waits for room as long as it takes."""

    def __init__(
        self,
        records: EtlRecords,
        sessions: Sessions,
        settings: Etl,
        counting: Counting,
        scratch: Scratch,
        target: str,
        *,
        patient: bool = False,
    ) -> None:
        self._patient = patient
        self.records = records
        self.target = target
        self._sessions = sessions
        self._settings = settings
        self._counting = counting
        self._files = Files(scratch)
        self._lines: dict[str, _Line] = {}

    async def close(self) -> None:
        for line in self._lines.values():
            await line.close()
        await self._counting.close()

    async def check(self, names: Sequence[str]) -> None:
        """Raise `NoSuchEtl` unless all of these are to run."""
        for name in names:
            await self._record(name)

    async def transform(self, names: Sequence[str], work: Work, cname: str) -> Piece:
        """Return what these make of the object, one after the other; `cname` names it in the list
        of what requests could not transform, where an empty one is not added. Raise `EtlError`."""
        await self.check(names)
        piece = await self._through(names[0], work, cname)
        for name in names[1:]:
            piece = await self._through(name, _next(work, piece), cname)
        return piece

    async def _through(self, name: str, work: Work, cname: str) -> Piece:
        record = await self._record(name)
        line = await self._line(record)
        await line.enter(name, patient=self._patient)
        seen, file = _Seen(work), None
        try:
            work = replace(work, source=seen.open)
            if line.files is not None and work.stored:
                file = await line.files.write(await work.source(), work.path)
                work = replace(work, file=str(file))
            piece = await line.talk.transform(work)
        except BaseException as error:
            line.leave()
            await self._remove(file)
            if isinstance(error, EtlError):
                self._failed(record, error, cname)
            raise
        if isinstance(piece.body, bytes):
            line.leave()
            await self._remove(file)
            self._counting.done(record.xid, seen.size, len(piece.body))
            return piece
        seen.file = file
        watched = self._watched(record, line, piece.body, seen, cname)
        return Piece(await started(watched), piece.size)

    async def _watched(
        self, record: Record, line: _Line, body: Stream, seen: _Seen, cname: str
    ) -> Stream:
        size = 0
        try:
            yield b""
            async for block in body:
                size += len(block)
                yield block
            self._counting.done(record.xid, seen.size, size)
        except EtlError as error:
            self._failed(record, error, cname)
            raise
        finally:
            line.leave()
            await body.aclose()
            await self._remove(seen.file)

    async def _remove(self, file: Path | None) -> None:
        if file is not None:
            await self._files.remove(file)

    def _failed(self, record: Record, error: EtlError, cname: str) -> None:
        if cname and isinstance(error, TransformFailed):
            problem = ObjectError(cname, error.message, error.status)
            self._counting.failed(record.xid, problem)

    async def _record(self, name: str) -> Record:
        record = await self.records.find(name)
        if not record.wanted:
            why = f" ({record.error})" if record.error else ""
            raise NoSuchEtl(f'etl job "{name}" is stopped{why}: start it')
        return record

    async def _line(self, record: Record) -> _Line:
        """Return the line of its present start. Raise `Unavailable`."""
        instance = self.records.instance(record, self.target)
        if not instance.ready:
            what = "given up" if instance.failed else "about to be started"
            why = f": {instance.error}" if instance.error else ""
            raise Unavailable(f"etl job {record.name} is {what}{why}")
        line = self._lines.get(record.xid)
        if line is None or line.url != instance.url:
            line = await self._new_line(record, instance.url)
        return line

    async def _new_line(self, record: Record, url: str) -> _Line:
        message, at_once = record.message, self._settings.at_once
        session = await self._sessions.open(url, named=bool(message.runtime.url))
        bounds = Bounds(message.obj_s, self._settings.answer_limit)
        talk: Http | WebSocket
        if message.how is Communication.WEBSOCKET:
            talk = WebSocket(record.name, url, session, bounds)
        else:
            pulls = message.how is Communication.PULL
            talk = Http(record.name, url, session, bounds, pulls=pulls)
        known = {each.xid for each in self.records.records.values()}
        for xid in [each for each in self._lines if each not in known]:
            await self._lines.pop(xid).close()
        by_file = message.variables.get(BY_FILE) == "true"
        files = self._files if by_file and message.how is not Communication.PULL else None
        line = _Line(at_once, asyncio.Semaphore(at_once), talk, url, files)
        self._lines[record.xid] = line
        return line


class _Seen:
    """The source of an object, how many bytes were read from it, and the file with them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.size = 0
        self.file: Path | None = None

    async def open(self) -> Piece:
        piece = await self._work.source()
        self.size = 0
        if isinstance(piece.body, bytes):
            self.size = len(piece.body)
            return piece
        if piece.size is not None:
            self.size = piece.size
            return piece
        return Piece(await started(self._counted(piece.body)), None)

    async def _counted(self, body: Stream) -> Stream:
        try:
            yield b""
            async for block in body:
                self.size += len(block)
                yield block
        finally:
            await body.aclose()


def _next(work: Work, piece: Piece) -> Work:
    """Return the work of the next transformer: the output of the one before, and it can be sent
    only once."""
    taken = False

    async def source() -> Piece:
        nonlocal taken
        if taken and not isinstance(piece.body, bytes):
            raise TransformFailed("ETL error: the connection ended, and nothing is left to repeat")
        taken = True
        return piece

    return replace(work, source=source, stored=False)


async def discard(piece: Piece) -> None:
    """Close what is not read to its end."""
    with suppress(EtlError):
        await piece.aclose()
