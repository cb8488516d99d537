"""Reading of a batch's entries: in order, some at a time, ahead.

Consecutive objects, and members that are not compressed in their archive, become one `get_objects`;
the others are opened one by one. Whatever the batch, at most `ROOM_BYTES` of bodies are held for
each slice that is read ahead; larger ones stream through.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence

from msgspec import Struct, field

from s3gw.http.memory_room import Holding
from s3gw.objects.batch.errors import TookTooLong
from s3gw.objects.batch.one_pass import KEPT_BYTES, OnePass
from s3gw.objects.batch.request import Item
from storage.archives import Archives, MemberAsked, Shard
from storage.archives.member import Packing
from storage.archives.source import close
from storage.archives.unpacking import PIECE as UNPACKED_PIECE
from storage.backend import Backend
from storage.cipher import unlocked
from storage.errors import MemberNotFound, ObjectChanged, RangeNotSatisfiable, StorageError
from storage.pacing import paced
from storage.ranges import Between, From, resolve
from storage.values import ObjectRead, Reading, ReadOptions, Stream, Unlock

SLICE = 32
_FIRST_SLICE = 8
ROOM_BYTES = 2 << 20
# Memory of a stream: a block, one read ahead, one on its way out.
STREAM_BYTES = 3 * UNPACKED_PIECE
# What one slice may need.
SLICE_BYTES = ROOM_BYTES + STREAM_BYTES
# The most archives whose location one batch remembers.
_OPEN_SHARDS = 64
PASS_BYTES = KEPT_BYTES + 2 * UNPACKED_PIECE
# The most compressed tars that one batch goes through at once.
_OPEN_PASSES = 4
_NS = 1_000_000_000


class Found(Struct, frozen=True):
    """An open entry: its size, its bytes, and its object's modification time."""

    size: int
    body: bytes | Stream
    modified_s: int


Result = Found | StorageError


class _Read(Struct, frozen=True):
    """An entry that is read with others: the part, the object, and the archive it was found in."""

    item: Item
    read: ObjectRead
    shard: Shard | None = None


class Entries(Struct):
    """Reads entries from a store. `unlock` raises only `StorageError`."""

    store: Backend
    archives: Archives
    unlock: Unlock
    max_wait_s: float
    slices_ahead: int
    memory: Holding
    _shards: dict[tuple[str, str], Shard] = field(default_factory=dict)
    _passes: dict[tuple[str, str], OnePass] = field(default_factory=dict)
    # The members that the batch wants of each archive; counted when one of them is compressed.
    _members: dict[tuple[str, str], list[str]] | None = None
    _items: Sequence[Item] = ()

    async def results(self, items: Sequence[Item]) -> AsyncGenerator[Result, None]:
        """Yield the result of each, in order. A stream must be read to its end, or closed, before
        the next result. `memory` holds `SLICE_BYTES` for the first of them."""
        self._items = items
        slices = _Ahead(self, _slices(items))
        found: list[Result] = []
        # The first goes alone until it is on its way: it is short, and needed now.
        count = 0
        try:
            while slices.begin_first():
                left, found = await slices.first()
                slices.begin(count)
                count = self.slices_ahead
                while found:
                    if slices.are_over and len(found) == len(left):
                        self._give_unused(found)
                    for each in found:
                        yield each
                    left = left[len(found) :]
                    found = await self.some(left) if left else []
                if slices.reading:
                    # The next one has its own.
                    self.memory.give(SLICE_BYTES)
        finally:
            await _close_all(found)
            await _cancel([task for _, task in slices.reading])
            for archive in tuple(self._passes):
                await self._close_pass(archive)

    def _give_unused(self, found: Sequence[Result]) -> None:
        """Give back what the last slice took and did not need."""
        held = _held(found) + (STREAM_BYTES if _streams(found) else 0)
        self.memory.give(SLICE_BYTES - min(held, SLICE_BYTES))

    async def some(self, items: Sequence[Item]) -> list[Result]:
        """Read the first of the entries, one at least: as many as there is room for."""
        results: list[Result] = []
        together: list[_Read] = []
        room = ROOM_BYTES
        for item in items:
            if item.archpath:
                step = await self._find_member(item)
            else:
                read = ObjectRead(item.bucket, item.name, self._options(item.part))
                step = _Read(item, read)
            if isinstance(step, _Read):
                together.append(step)
                continue
            wanted = len(results) + len(together)
            results += await self._read_together(together, room)
            room = ROOM_BYTES - _held(results)
            together = []
            if len(results) < wanted or (results and room <= 0) or _streams(results):
                return results
            if step is None:
                step = await self._unpacked(item)
            results.append(step)
            room = ROOM_BYTES - _held(results)
            if _streams(results):
                return results
        return results + await self._read_together(together, room)

    async def _read_together(self, reads: Sequence[_Read], room: int) -> list[Result]:
        if not reads:
            return []
        try:
            async with asyncio.timeout(self.max_wait_s):
                found = await self.store.get_objects([each.read for each in reads], room)
        except TimeoutError:
            return [TookTooLong(f"not read within {self.max_wait_s:g} s")]
        except StorageError as error:
            return [error]
        results: list[Result] = []
        for step, reading in zip(reads, found, strict=False):
            if isinstance(reading, StorageError):
                results.append(reading)
            elif step.shard is not None and not step.shard.source.is_same(reading.info):
                # Another archive has the name now.
                self._shards.pop((step.item.bucket, step.item.name), None)
                await close(reading)
                results.append(await self._alone(step.item))
                if _streams(results):
                    break
            else:
                results.append(await _found(step, reading))
        return results

    async def _find_member(self, item: Item) -> _Read | Result | None:
        """Return how to read a member; None if it has to be opened alone."""
        try:
            shard = await self._shard(item)
            if not shard.has_index:
                return None
            member = await shard.find(item.archpath)
            if member is None:
                return MemberNotFound(f"{item.name}/{item.archpath}")
            member.check_readable()
            span = exactly(item.part, member.size)
        except ObjectChanged:
            return None
        except StorageError as error:
            return error
        if not len(span):
            return Found(0, b"", shard.info.modified_ns // _NS)
        if member.packing is not Packing.STORED:
            return None
        inside = Between(member.offset + span.start, member.offset + span.stop)
        read = ObjectRead(item.bucket, item.name, shard.source.options(inside))
        return _Read(item, read, shard)

    async def _shard(self, item: Item) -> Shard:
        name = item.bucket, item.name
        shard = self._shards.get(name)
        if shard is None:
            options = self._options(None)
            shard = await self.archives.open(self.store, item.bucket, item.name, options)
            if len(self._shards) >= _OPEN_SHARDS:
                self._shards.pop(next(iter(self._shards)))
            self._shards[name] = shard
        return shard

    async def _unpacked(self, item: Item) -> Result:
        """Return a member that is not simply read; those of one compressed tar are found in one
        pass."""
        shard = self._shards.get((item.bucket, item.name))
        found = None if shard is None or shard.has_index else await self._pass(shard, item)
        if found is None:
            return await self._alone(item)
        try:
            content = await found.content(item.archpath, self.max_wait_s)
            if found.is_done:
                await self._close_pass((item.bucket, item.name))
            if content is None:
                return await self._alone(item)
            span = exactly(item.part, len(content))
        except StorageError as error:
            return error
        body = content[span.start : span.stop]
        return Found(len(body), body, found.shard.info.modified_ns // _NS)

    async def _pass(self, shard: Shard, item: Item) -> OnePass | None:
        """Return the pass through a compressed tar; None if only one entry wants it."""
        archive = item.bucket, item.name
        if self._members is None:
            members: dict[tuple[str, str], list[str]] = {}
            async for each in paced(self._items):
                if each.archpath:
                    members.setdefault((each.bucket, each.name), []).append(each.archpath)
            self._members = members
        names = self._members.get(archive, ())
        if len(names) < 2:
            return None
        if archive not in self._passes:
            while len(self._passes) >= _OPEN_PASSES:
                await self._close_pass(next(iter(self._passes)))
            if not self.memory.try_take(PASS_BYTES):
                return None
            self._passes[archive] = OnePass.of(shard, names)
        return self._passes[archive]

    async def _close_pass(self, archive: tuple[str, str]) -> None:
        found = self._passes.pop(archive, None)
        if found is not None:
            self.memory.give(PASS_BYTES)
            await found.close()

    async def _alone(self, item: Item) -> Result:
        """Open a member of an archive that was compressed, or changed meanwhile."""
        asked = MemberAsked(item.archpath, item.part, self._options(None))
        try:
            async with asyncio.timeout(self.max_wait_s):
                shard, reading = await self.archives.open_member(
                    self.store, item.bucket, item.name, asked
                )
        except TimeoutError:
            return TookTooLong(f"not read within {self.max_wait_s:g} s")
        except StorageError as error:
            return error
        size = len(reading.span)
        if _is_cut(item.part, size):
            await _close(reading.body)
            return RangeNotSatisfiable(reading.member.size)
        return Found(size, reading.body, shard.info.modified_ns // _NS)

    async def look(self, item: Item) -> int | StorageError:
        """Return an entry's size, without reading it."""
        try:
            if not item.archpath:
                reading = await self.store.head_object(item.bucket, item.name)
                await unlocked(reading.info, self.unlock)
                return len(exactly(item.part, reading.info.size))
            shard = await self._shard(item)
            member = (await shard.index()).find(item.archpath)
            if member is None:
                return MemberNotFound(f"{item.name}/{item.archpath}")
            member.check_readable()
            return len(exactly(item.part, member.size))
        except StorageError as error:
            return error

    def _options(self, part: Between | From | None) -> ReadOptions:
        return ReadOptions(part, unlock=self.unlock)


class _Ahead:
    """The slices of a batch: those that are read, and those that follow."""

    def __init__(self, entries: Entries, slices: Iterator[Sequence[Item]]) -> None:
        self.reading: deque[tuple[Sequence[Item], asyncio.Task[list[Result]]]] = deque()
        self._entries = entries
        self._slices = slices
        self._following = next(slices, None)

    @property
    def are_over(self) -> bool:
        """Whether none is read, and none follows."""
        return not self.reading and self._following is None

    def begin_first(self) -> bool:
        """Begin to read the next slice unless one is read; return whether there is one."""
        if not self.reading and self._following is not None:
            self._begin(self._following)
        return bool(self.reading)

    def begin(self, count: int) -> None:
        """Read so many slices ahead, as long as there is memory that nobody waits for."""
        while (following := self._following) is not None and len(self.reading) < count:
            if not self._entries.memory.try_take(SLICE_BYTES):
                return
            self._begin(following)

    async def first(self) -> tuple[Sequence[Item], list[Result]]:
        """Return the first slice, and what was read of it."""
        items, task = self.reading[0]
        found = await task
        self.reading.popleft()
        return items, found

    def _begin(self, items: Sequence[Item]) -> None:
        self.reading.append((items, asyncio.create_task(self._entries.some(items))))
        self._following = next(self._slices, None)


def _slices(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut the entries into slices. The first is short, so that the answer begins soon."""
    yield items[:_FIRST_SLICE]
    for at in range(_FIRST_SLICE, len(items), SLICE):
        yield items[at : at + SLICE]


async def _found(step: _Read, reading: Reading) -> Result:
    size = len(reading.span)
    if _is_cut(step.read.options.want, size):
        await close(reading)
        return RangeNotSatisfiable(reading.info.size)
    return Found(size, reading.body, reading.info.modified_ns // _NS)


def exactly(part: Between | From | None, size: int) -> Between:
    """Return the range. Raise `RangeNotSatisfiable` instead of cutting it to the object's size: a
    batch's reader counts on its length."""
    span = resolve(part, size)
    if _is_cut(part, len(span)):
        raise RangeNotSatisfiable(size)
    return span


def _is_cut(want: object, size: int) -> bool:
    return isinstance(want, Between) and len(want) != size


def _held(results: Sequence[Result]) -> int:
    """Return the bytes in memory."""
    return sum(
        len(each.body)
        for each in results
        if isinstance(each, Found) and isinstance(each.body, bytes)
    )


def _streams(results: Sequence[Result]) -> bool:
    """Whether the last body is a stream: nothing is opened after it."""
    last = results[-1] if results else None
    return isinstance(last, Found) and not isinstance(last.body, bytes)


async def _close(body: bytes | Stream) -> None:
    if not isinstance(body, bytes):
        await body.aclose()


async def _close_all(results: Sequence[Result]) -> None:
    for each in results:
        if isinstance(each, Found):
            await _close(each.body)


async def _cancel(tasks: Sequence[asyncio.Task[list[Result]]]) -> None:
    """Cancel the tasks. Those that had ended already may have opened a stream: close it."""
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, list):
            await _close_all(found)
