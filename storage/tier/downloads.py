"""Downloads of whole objects into the local store.

There is one download of an object, however many want it, and it is a task of its own. Who asked
first reads along; so do those who ask before its first byte has come, and later ones read the
object when it is here. A client that reads along gets blocks from memory while it keeps pace, and
reads the rest from the local store when it does not, or from the backend if that takes too long: a
slow client holds up nobody, and takes a bounded amount of memory. When it leaves, the download goes
on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from storage.backend import Backend
from storage.chunking import Chunking
from storage.errors import Corrupt, ObjectNotFound, OutOfSpace, PreconditionFailed
from storage.ranges import Between, From
from storage.tier.locks import ObjectLocks
from storage.tier.remote import Remote, origin_of
from storage.values import (
    Condition,
    ObjectInfo,
    PutOptions,
    Reading,
    ReadOptions,
    Sealed,
    Stream,
)

# Downloads of one process at once.
MOST_AT_ONCE = 64
# Downloads that wait or run, above which none begins for a range that was read.
MOST_BEGUN = 256
# How long a reader that is behind waits for the object to be here, before it asks the backend.
PATIENCE_S = 5.0
# What a reader may be behind the download, in bytes.
MOST_BEHIND = 4 << 20
# Reads an object from that byte on.
Rest = Callable[[int], Awaitable[Reading]]
_NOTHING_HERE = Condition(if_none_match=("*",))


class FetchedDigest:
    """Digest of bytes from a backend: it keeps the backend's ETag, and refuses another length."""

    def __init__(self, info: ObjectInfo) -> None:
        self._info = info
        self._count = 0

    def update(self, block: bytes) -> None:
        self._count += len(block)

    def seal(self) -> Sealed:
        if self._count != self._info.size:
            raise Corrupt(f"{self._info.name}: the backend sent {self._count} bytes")
        return Sealed(self._info.etag, self._info.checksum)


class Downloads:
    def __init__(self, local: Backend, locks: ObjectLocks) -> None:
        self._local = local
        self._locks = locks
        self._running: dict[tuple[str, str], _Download] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def read(self, remote: Remote, name: str, chunks: Chunking | None) -> Reading | None:
        """Begin or join the download of an object, and read along. None: it is here by now."""
        download = self._joined(remote, name, chunks)
        if download.has_begun:
            await download.wait()
            return None
        follower = download.follow()
        try:
            info = await asyncio.shield(download.opened)
        except BaseException:
            follower.leave()
            raise
        if info is None:
            follower.leave()
            return None
        return follower.reading(
            info,
            lambda start: self._rest_here(remote, name, info, start),
            lambda start: self._rest_there(remote, name, info, start),
        )

    async def fetch(self, remote: Remote, name: str, chunks: Chunking | None) -> None:
        """Have the object here when this returns."""
        await self._joined(remote, name, chunks).wait()

    def begin(self, remote: Remote, name: str, chunks: Chunking | None) -> None:
        """Begin the download of an object, unless it or too many others are under way; a failure is
        nobody's."""
        if len(self._running) < MOST_BEGUN:
            self._joined(remote, name, chunks)

    async def aclose(self) -> None:
        """Stop what is under way; nothing of it stays."""
        tasks = [download.task for download in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _joined(self, remote: Remote, name: str, chunks: Chunking | None) -> _Download:
        key = remote.bucket.name, name
        download = self._running.get(key)
        if download is None or download.is_over:
            download = self._running[key] = _Download()
            download.task = asyncio.create_task(self._run(download, remote, name, chunks))
        return download

    async def _run(
        self, download: _Download, remote: Remote, name: str, chunks: Chunking | None
    ) -> None:
        try:
            async with self._room, self._locks.hold(remote.bucket.name, name):
                await self._bring(download, remote, name, chunks)
        except BaseException as error:
            download.fail(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            download.end()
        finally:
            if self._running.get((remote.bucket.name, name)) is download:
                del self._running[remote.bucket.name, name]

    async def _bring(
        self, download: _Download, remote: Remote, name: str, chunks: Chunking | None
    ) -> None:
        try:
            await self._local.head_object(remote.bucket.name, name)
        except ObjectNotFound:
            pass
        else:
            # Another process was faster.
            download.open(None)
            return
        reading = await remote.backend.get_object(remote.name, name)
        info = reading.info
        download.open(info)
        options = PutOptions(
            digest=FetchedDigest(info),
            attributes=info.attributes.of_origin(origin_of(info)),
            condition=_NOTHING_HERE,
            size=info.size,
            chunks=chunks,
            modified_ns=info.modified_ns,
        )
        body = download.relayed(reading)
        async with aclosing(body):
            try:
                await self._local.put_object(remote.bucket.name, name, body, options)
            except PreconditionFailed:
                # It was written here meanwhile, and is newer.
                await _drain(body)
            except OutOfSpace:
                # Who reads along can have all of it nevertheless.
                await _drain(body)
                raise

    async def _rest_here(self, remote: Remote, name: str, info: ObjectInfo, start: int) -> Reading:
        """Read from the local store what a reader missed, of the same object."""
        return await self._local.get_object(remote.bucket.name, name, _rest_of(info, start))

    async def _rest_there(self, remote: Remote, name: str, info: ObjectInfo, start: int) -> Reading:
        """Read the same from the backend."""
        return await remote.backend.get_object(remote.name, name, _rest_of(info, start))


class _Download:
    """One download; `opened` has the facts when the first byte is about to come, None if the object
    is here already."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[ObjectInfo | None] = loop.create_future()
        self.has_begun = False
        self._ended: asyncio.Future[None] = loop.create_future()
        self._followers: set[_Follower] = set()
        # A failure that nobody waits for is nobody's.
        for future in (self.opened, self._ended):
            future.add_done_callback(_retrieve)

    @property
    def is_over(self) -> bool:
        return self._ended.done()

    async def wait(self) -> None:
        """Return when the object is here. Raise what the download raised."""
        await asyncio.shield(self._ended)

    async def over(self, timeout_s: float | None = None) -> bool:
        """Return when the download has ended, however it did; or after that time, False."""
        done, _ = await asyncio.wait([self._ended], timeout=timeout_s)
        return bool(done)

    def follow(self) -> _Follower:
        follower = _Follower(self)
        self._followers.add(follower)
        return follower

    def leave(self, follower: _Follower) -> None:
        self._followers.discard(follower)

    def open(self, info: ObjectInfo | None) -> None:
        self.opened.set_result(info)

    async def relayed(self, reading: Reading) -> Stream:
        async for block in _blocks(reading):
            self.has_begun = True
            for follower in tuple(self._followers):
                follower.give(block)
            yield block

    def end(self) -> None:
        self._ended.set_result(None)
        self._wake()

    def fail(self, error: BaseException) -> None:
        stopped = isinstance(error, asyncio.CancelledError)
        reason = Corrupt("the download was stopped") if stopped else error
        if not self.opened.done():
            self.opened.set_exception(reason)
        self._ended.set_exception(reason)
        self._wake()

    def _wake(self) -> None:
        for follower in self._followers:
            follower.wake()


class _Follower:
    """A reader of an object that is still coming."""

    def __init__(self, download: _Download) -> None:
        self._download = download
        self._blocks: deque[bytes] = deque()
        self._held = 0
        self._is_behind = False
        self._news = asyncio.Event()

    def give(self, block: bytes) -> None:
        """Take the next block, unless there is no room: the reader then takes the rest from the
        local store."""
        if self._is_behind or (self._blocks and self._held + len(block) > MOST_BEHIND):
            self._is_behind = True
        else:
            self._blocks.append(block)
            self._held += len(block)
        self._news.set()

    def wake(self) -> None:
        self._news.set()

    def leave(self) -> None:
        self._download.leave(self)

    def reading(self, info: ObjectInfo, rest_here: Rest, rest_there: Rest) -> Reading:
        body = self._stream(info.size, rest_here, rest_there)
        return Reading(info, Between(0, info.size), body)

    async def _stream(self, size: int, rest_here: Rest, rest_there: Rest) -> Stream:
        sent = 0
        try:
            while sent < size:
                if self._blocks:
                    block = self._blocks.popleft()
                    self._held -= len(block)
                    sent += len(block)
                    if sent == size:
                        # Who has read an object may rely on it that it is here.
                        await self._download.over()
                    yield block
                elif self._is_behind or self._download.is_over:
                    break
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            self.leave()
        if sent < size:
            is_over = await self._download.over(PATIENCE_S)
            if is_over:
                await self._download.wait()
            rest = rest_here if is_over else rest_there
            async with aclosing(_blocks(await rest(sent))) as blocks:
                async for block in blocks:
                    yield block


def _rest_of(info: ObjectInfo, start: int) -> ReadOptions:
    return ReadOptions(want=From(start), condition=Condition(if_match=(info.etag,)))


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


async def _drain(body: Stream) -> None:
    async for _ in body:
        pass


async def _blocks(reading: Reading) -> Stream:
    if isinstance(reading.body, bytes):
        if reading.body:
            yield reading.body
        return
    async with aclosing(reading.body) as stream:
        async for block in stream:
            yield block
