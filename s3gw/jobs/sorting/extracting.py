"""Extraction: the records of all input shards, in their order, with keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from msgspec import Struct

from cluster.jobs.job_run import PAGE, JobFailed
from cluster.jobs.sorting import MARK, Reaction, SortTask
from s3gw.jobs.sorting.at_once import in_order
from s3gw.jobs.sorting.key_map import KeyMap
from s3gw.jobs.sorting.keys import key_member, key_of, text_of
from s3gw.jobs.sorting.records import Piece, Record, Sortable, encode_record, grouped
from s3gw.jobs.sorting.scratch import Room, Scratch
from s3gw.jobs.sorting.shards import Copied, InputShard, read_shard
from storage import failpoints
from storage.archives import Archives, Member, format_named, format_of_name
from storage.archives.source import collected
from storage.backend import Backend
from storage.errors import (
    BucketNotFound,
    DeviceFailed,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
)
from storage.tier.remote import is_cloud
from storage.values import ListQuery, ReadOptions, Unlock

# What an archive adds to each member, as a key map's shards count it.
_HEADER_BYTES = 512
_ENDS_ALL = (BucketNotFound, DeviceFailed, OutOfSpace)
# So many records get their keys in one step of the loop; more, in a thread.
_FEW = 200


def react(task: SortTask, reaction: Reaction, text: str) -> None:
    """Note what is not as it should be. Raise `JobFailed` for `ABORT`."""
    if reaction is Reaction.ABORT:
        raise JobFailed(text)
    if reaction is Reaction.WARN:
        task.shown.warn(text)


class Extracted(Struct):
    """The records of one shard. `input` is None for a shard that is missing."""

    input: InputShard | None
    records: list[Sortable]


class Extraction:
    """Reads the input shards of a task; the caller closes it, when the shards are not needed any
    more."""

    def __init__(
        self,
        task: SortTask,
        store: Backend,
        archives: Archives,
        unlock: Unlock,
        room: Room,
        key_map: KeyMap | None,
    ) -> None:
        self._task = task
        self._store = store
        self._archives = archives
        self._unlock = unlock
        self._key_map = key_map
        self._room = room
        # Each is used by one shard at a time, so that a shard's bytes are together.
        self._scratches = [Scratch(room) for _ in range(task.orders.readers)]
        self._free = list(self._scratches)
        # By their numbers.
        self.shards: dict[int, InputShard] = {}

    def close(self) -> None:
        for scratch in self._scratches:
            scratch.close()

    async def records(self) -> AsyncGenerator[list[Sortable], None]:
        """Yield the records, shard by shard. Raise `JobFailed` and `StorageError`."""
        shown, task = self._task.shown, self._task
        async with aclosing(in_order(self._works(), task.orders.readers)) as outcomes:
            async for extracted in outcomes:
                if extracted.input is not None:
                    shown.shards += 1
                    shown.records += len(extracted.records)
                    shown.bytes += sum(each.size for each in extracted.input.members)
                    shown.copied_shards += bool(extracted.input.copied)
                    shown.copied_bytes += extracted.input.copied
                    failpoints.hit("sort_inside_extraction")
                    yield extracted.records
                await task.progress()

    async def _works(self) -> AsyncIterator[Coroutine[Any, Any, Extracted]]:
        number = 0
        async for name in self._names():
            self._task.check()
            yield self._extract(number, name)
            number += 1

    async def _names(self) -> AsyncIterator[str]:
        """Yield the names of the input shards."""
        task, kind = self._task, self._task.orders.input_format
        if task.names is None:
            async for name in self._listed():
                task.shown.total += 1
                yield name
            return
        task.shown.total = len(task.names)
        for at in range(len(task.names)):
            name = task.names[at]
            own = format_of_name(name)
            if own is None and kind and not task.orders.listed:
                name += kind
            elif own is not None and kind and own is not format_named(kind):
                continue
            yield name

    async def _listed(self) -> AsyncIterator[str]:
        wanted = format_named(self._task.orders.input_format)
        after: str | None = ""
        while after is not None:
            query = ListQuery(self._task.prefix, "", after, PAGE)
            page = await self._store.list_objects(self._task.job.bucket, query)
            for info in page.objects:
                kind = format_of_name(info.name)
                if kind is not None and wanted in (None, kind):
                    yield info.name
            after = page.next_after

    async def _extract(self, number: int, name: str) -> Extracted:
        job = self._task.job
        scratch = self._free.pop()
        try:
            options = ReadOptions(unlock=self._unlock)
            shard = await self._archives.open(self._store, job.bucket, name, options)
            if shard.info.attributes.custom.get(MARK) == job.xid:
                # An output of this job, from before it was begun again.
                raise ObjectNotFound(name)
            found = await read_shard(shard, scratch, self._task.check)
            self.shards[number] = found
            return Extracted(found, await self._sortable(number, found))
        except ObjectNotFound:
            if self._task.names is not None:
                text = f"shard {_shown(job.bucket, name)} does not exist"
                react(self._task, self._task.orders.reactions.missing_shards, text)
            return Extracted(None, [])
        except _ENDS_ALL:
            raise
        except StorageError as error:
            why = str(error) or type(error).__name__
            raise JobFailed(f"failed to extract shard {_shown(job.bucket, name)}: {why}") from None
        finally:
            self._free.append(scratch)

    async def _sortable(self, number: int, found: InputShard) -> list[Sortable]:
        algorithm = self._task.orders.algorithm
        records = grouped(found.members, self._duplicated)
        sources = [key_member(algorithm, record) for record in records]
        contents = [None if each is None else await _content(found, each) for each in sources]
        if len(records) <= _FEW:
            return self._with_keys(number, found, records, contents)
        return await asyncio.to_thread(self._with_keys, number, found, records, contents)

    def _with_keys(
        self,
        number: int,
        found: InputShard,
        records: Sequence[Sequence[Member]],
        contents: Sequence[bytes | None],
    ) -> list[Sortable]:
        made = []
        algorithm, shard = self._task.orders.algorithm, found.shard.info.name
        for members, content in zip(records, contents, strict=True):
            name = members[0].name
            key = key_of(algorithm, shard, name, content)
            weight, group = sum(each.size for each in members), 0
            if self._key_map is not None:
                weight += _HEADER_BYTES * len(members)
                try:
                    group = self._key_map.find(text_of(algorithm, name, key))
                except KeyError as error:
                    text = f"error on lookup record {name!r} in external key map: {error.args[0]}"
                    react(self._task, self._task.orders.reactions.missing_key, text)
                    continue
            record = Record(number, tuple(map(Piece.of, members)))
            made.append(Sortable(group, key, weight, encode_record(record)))
        return made

    def _duplicated(self, name: str) -> None:
        text = f"record {name!r} is duplicated"
        react(self._task, self._task.orders.reactions.duplicated_records, text)


async def _content(found: InputShard, member: Member) -> bytes:
    """Return a member that is a key, and so is short."""
    source = found.shard.source
    if isinstance(source, Copied) and not member.packing:
        return source.scratch.read(source.base + member.offset, member.size)
    return await collected((await found.shard.open_member(member)).body)


def _shown(bucket: str, name: str) -> str:
    named = bucket.replace("/", "://", 1) if is_cloud(bucket) else f"ais://{bucket}"
    return f"{named}/{name}"
