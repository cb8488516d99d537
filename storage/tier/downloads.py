"""Downloads of whole objects into the local store.

There is one download of an object, however many want it, and it is a task of its own. Who asked
first reads along; so do those who ask before its first byte has come. Later ones read the object
when it is here; of a long one, which is stored in parts, what has come. A client that reads along
gets blocks from memory while it keeps pace. When it does not, it reads the rest of a long object
from its parts, and of others from the local store, or from the backend if that takes too long: a
slow client holds up nobody, and takes a bounded amount of memory. When it leaves, the download goes
on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import msgspec
from msgspec import Struct

from storage.access_times import access_times_of
from storage.backend import Store
from storage.chunking import Chunking
from storage.errors import (
    BackendUnavailable,
    ObjectNotFound,
    OutOfSpace,
    PreconditionFailed,
    StorageError,
)
from storage.load import LoadMeter
from storage.ranges import Between, From
from storage.tier.blocks import blocks_of
from storage.tier.counts import NOT_COUNTED, TierCounts
from storage.tier.locks import ObjectLocks
from storage.tier.parts import PartsDownload, incomplete, stopped_download
from storage.tier.remote import Remote, md5_of, origin_of
from storage.values import (
    Condition,
    ObjectInfo,
    Parallel,
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
# Objects of that many bytes are stored in parts of these while they come.
LONG_BYTES = 64 << 20
CUT_BYTES = 16 << 20
# How often the one who waits for a download is called with its progress.
PROGRESS_S = 0.5
# Reads an object from that byte on.
Rest = Callable[[int], Awaitable[Reading]]
_NOTHING_HERE = Condition(if_none_match=("*",))


class FetchPlan(Struct, frozen=True):
    """How an object is kept: in what chunks; and how it is fetched, None for as one stream. With
    `whole_only`, a download that its last reader leaves ends, and nothing of it stays. One that
    `verifies` comes as one stream, if the backend tells its MD5."""

    chunks: Chunking | None = None
    parallel: Parallel | None = None
    whole_only: bool = False
    verifies: bool = False


ONE_STREAM = FetchPlan()


class FetchedDigest:
    """Digest of bytes from a backend: it keeps the backend's ETag, and refuses another length."""

    def __init__(self, info: ObjectInfo) -> None:
        self._info = info
        self._count = 0

    def update(self, block: bytes) -> None:
        self._count += len(block)

    def seal(self) -> Sealed:
        if self._count != self._info.size:
            raise incomplete(self._info.name)
        return Sealed(self._info.etag, self._info.checksum)


class VerifyingDigest(FetchedDigest):
    """The same, and it refuses bytes with another MD5 than the backend's."""

    def __init__(self, info: ObjectInfo, md5: str) -> None:
        super().__init__(info)
        self._wanted = md5
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes) -> None:
        super().update(block)
        self._md5.update(block)

    def seal(self) -> Sealed:
        sealed = super().seal()
        if self._md5.hexdigest() != self._wanted:
            raise BackendUnavailable(self._info.name, "", "its bytes do not have its MD5")
        return sealed


class Downloads:
    def __init__(
        self,
        local: Store,
        locks: ObjectLocks,
        meter: LoadMeter | None = None,
        counts: TierCounts = NOT_COUNTED,
    ) -> None:
        self._meter = meter or LoadMeter()
        self._counts = counts
        self._local = local
        self._locks = locks
        self._is_closing = False
        self._looking: set[asyncio.Task[None]] = set()
        self._running: dict[tuple[str, str], _Download] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def read(self, remote: Remote, name: str, plan: FetchPlan) -> Reading | None:
        """Begin or join the download of an object, and read along. None: it is here by now."""
        download = self._joined(remote, name, plan)
        reading = await self._read_along(download, remote, name)
        if reading is None or not plan.whole_only:
            return reading
        download.readers += 1
        return msgspec.structs.replace(reading, body=download.read_by_one(reading.body))

    async def _read_along(self, download: _Download, remote: Remote, name: str) -> Reading | None:
        if download.has_begun and download.parts is not None:
            return download.later_reading()
        if download.has_begun:
            async with download.wanted():
                await download.wait()
            return None
        follower = download.follow()
        try:
            info = await asyncio.shield(download.opened)
        except BaseException:
            follower.leave()
            raise
        is_in_ranges = download.parts is not None and not download.is_cut
        if info is None or is_in_ranges:
            follower.leave()
        if info is None:
            return None
        if is_in_ranges:
            return download.later_reading()
        return follower.reading(
            info,
            lambda start: self._rest_here(remote, name, info, start),
            lambda start: self._rest_there(remote, name, info, start),
        )

    async def fetch(
        self,
        remote: Remote,
        name: str,
        plan: FetchPlan = ONE_STREAM,
        check: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Have the object here when this returns. `check` is called now and then with the bytes
        that have come; when it raises, the download ends, unless others want it too."""
        download = self._joined(remote, name, plan)
        async with download.wanted():
            while not await download.over(PROGRESS_S):
                check(download.done_bytes)
            await download.wait()

    def begin(self, remote: Remote, name: str, plan: FetchPlan) -> None:
        """Begin the download of an object, unless it or too many others are under way; a failure is
        nobody's."""
        if len(self._running) < MOST_BEGUN and not plan.whole_only:
            self._joined(remote, name, plan).is_for_all = True

    def begin_version(self, remote: Remote, name: str, version: str, plan: FetchPlan) -> None:
        """The same if that version is the current one."""
        if len(self._looking) < MOST_BEGUN:
            task = asyncio.create_task(self._begin_version(remote, name, version, plan))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _begin_version(
        self, remote: Remote, name: str, version: str, plan: FetchPlan
    ) -> None:
        with suppress(StorageError):
            current = (await remote.backend.head_object(remote.name, name)).info
            if current.version == version and not self._is_closing:
                self.begin(remote, name, plan)

    async def settled(self) -> None:
        """Return when nothing is under way."""
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """Stop what is under way. Nothing of it stays but the parts of what came in parts: the next
        process continues these."""
        self._is_closing = True
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [*self._looking, *(download.task for download in self._running.values())]

    def _joined(self, remote: Remote, name: str, plan: FetchPlan) -> _Download:
        key = remote.bucket.name, name
        download = self._running.get(key)
        if download is None or download.is_over:
            download = self._running[key] = _Download()
            download.task = asyncio.create_task(self._run(download, remote, name, plan))
        return download

    async def _run(self, download: _Download, remote: Remote, name: str, plan: FetchPlan) -> None:
        try:
            async with self._room, self._locks.hold(remote.bucket.name, name):
                await self._bring(download, remote, name, plan)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                if download.parts is not None and not self._is_closing:
                    await download.parts.discard()
                download.fail(error)
                raise
            download.fail(error)
        else:
            download.end()
        finally:
            if self._running.get((remote.bucket.name, name)) is download:
                del self._running[remote.bucket.name, name]

    async def _bring(self, download: _Download, remote: Remote, name: str, plan: FetchPlan) -> None:
        try:
            await self._local.head_object(remote.bucket.name, name)
        except ObjectNotFound:
            pass
        else:
            # Another process was faster.
            download.open(None)
            return
        reading = await remote.backend.get_object(remote.name, name)
        info, how = reading.info, plan.parallel
        md5 = md5_of(info) if plan.verifies else ""
        if how is not None and not md5 and info.size >= max(how.least_bytes, 1):
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
            download.parts = PartsDownload(self._local, remote, info, how, self._meter)
            download.open(info)
            is_good = False
            try:
                await download.parts.run()
                is_good = True
            finally:
                self._counts.blob(remote.provider, info.size, is_good=is_good)
            self._note(remote, name)
            return
        if not md5 and info.size >= LONG_BYTES and not _is_chunked(info, plan):
            await self._bring_cut(download, remote, reading)
            return
        download.open(info)
        options = PutOptions(
            digest=VerifyingDigest(info, md5) if md5 else FetchedDigest(info),
            attributes=info.attributes.of_origin(origin_of(info)),
            condition=_NOTHING_HERE,
            size=info.size,
            chunks=plan.chunks,
            modified_ns=info.modified_ns or None,
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
        self._note(remote, name)

    async def _bring_cut(self, download: _Download, remote: Remote, reading: Reading) -> None:
        """Bring a long object as one stream that is stored in parts."""
        info, how = reading.info, Parallel(CUT_BYTES, 1)
        download.parts = PartsDownload(self._local, remote, info, how, self._meter)
        download.is_cut = True
        download.open(info)
        body = download.relayed(reading)
        async with aclosing(body):
            try:
                await download.parts.run(body)
            except OutOfSpace:
                # Who reads along can have all of it nevertheless.
                await _drain(body)
                raise
        self._note(remote, info.name)

    def _note(self, remote: Remote, name: str) -> None:
        """Count the download as a use: its time is what eviction goes by until the first read."""
        access_times_of(self._local).note(remote.bucket.lasting_name, name)

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
        self.parts: PartsDownload | None = None
        # The parts are of one stream, which its first readers read along.
        self.is_cut = False
        # It has readers, and does not end with the task that wants it.
        self.is_for_all = False
        # Those that have to stay for it to go on, if it is for readers of the whole only.
        self.readers = 0
        self._waiting = 0
        self._relayed_bytes = 0
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

    @property
    def done_bytes(self) -> int:
        return self._relayed_bytes if self.parts is None else self.parts.done_bytes

    @asynccontextmanager
    async def wanted(self) -> AsyncIterator[None]:
        """Want the object in the block. When the last such block is left by an error, and
        without readers, the download ends, and nothing of it stays."""
        self._waiting += 1
        try:
            yield
        except BaseException:
            if self._waiting == 1 and not self.is_for_all and not self.is_over:
                self.task.cancel()
                await asyncio.wait([self.task])
            raise
        finally:
            self._waiting -= 1

    async def read_by_one(self, body: bytes | Stream) -> Stream:
        """Yield the body; when the last of these readers leaves before the end, so does the
        download."""
        try:
            async with aclosing(blocks_of(body)) as blocks:
                async for block in blocks:
                    yield block
        finally:
            self.readers -= 1
            if not self.readers and not self._waiting and not self.is_over:
                self.task.cancel()

    async def wait(self) -> None:
        """Return when the object is here. Raise what the download raised."""
        await asyncio.shield(self._ended)

    async def over(self, timeout_s: float | None = None) -> bool:
        """Return when the download has ended, however it did; or after that time, False."""
        done, _ = await asyncio.wait([self._ended], timeout=timeout_s)
        return bool(done)

    def later_reading(self, start: int = 0) -> Reading:
        """Return the object from that byte on, as its parts come."""
        info = self.opened.result()
        assert info is not None, "it was opened"
        assert self.parts is not None, "it comes in parts"
        return Reading(info, Between(start, info.size), self.parts.stream(start))

    def require_right(self) -> None:
        """Raise what the backend did wrong, once the download is over."""
        failure = self._ended.exception()
        if isinstance(failure, BackendUnavailable):
            raise failure

    def follow(self) -> _Follower:
        follower = _Follower(self)
        self.is_for_all = True
        self._followers.add(follower)
        return follower

    def leave(self, follower: _Follower) -> None:
        self._followers.discard(follower)

    def open(self, info: ObjectInfo | None) -> None:
        self.opened.set_result(info)

    async def relayed(self, reading: Reading) -> Stream:
        async for block in blocks_of(reading.body):
            self.has_begun = True
            self._relayed_bytes += len(block)
            for follower in tuple(self._followers):
                follower.give(block)
            yield block

    def end(self) -> None:
        self._ended.set_result(None)
        self._wake()

    def fail(self, error: BaseException) -> None:
        stopped = isinstance(error, asyncio.CancelledError)
        reason = stopped_download() if stopped else error
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
                        # Who has read an object may rely on it that it is here, if there is room,
                        # and that it is right.
                        await self._download.over()
                        self._download.require_right()
                    yield block
                elif self._is_behind or self._download.is_over:
                    break
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            self.leave()
        if sent < size:
            rest = await self._rest(sent, rest_here, rest_there)
            async with aclosing(blocks_of(rest.body)) as blocks:
                async for block in blocks:
                    yield block

    async def _rest(self, sent: int, here: Rest, there: Rest) -> Reading:
        if self._download.is_cut and not self._download.is_over:
            return self._download.later_reading(sent)
        if not await self._download.over(PATIENCE_S):
            try:
                return await there(sent)
            except PreconditionFailed:
                # The backend has another one by now, or cannot say that it is the same.
                pass
        await self._download.wait()
        return await here(sent)


def _is_chunked(info: ObjectInfo, plan: FetchPlan) -> bool:
    """Whether the bucket says how such an object is stored."""
    return plan.chunks is not None and plan.chunks.cutting(info.size) is not None


def _rest_of(info: ObjectInfo, start: int) -> ReadOptions:
    return ReadOptions(want=From(start), condition=Condition(if_match=(info.etag,)))


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


async def _drain(body: Stream) -> None:
    async for _ in body:
        pass
