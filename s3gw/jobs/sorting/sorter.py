"""A dsort from its beginning to its end: extract, sort, create.

Only keys and places are sorted: where a record's bytes lie in its input shard, or in a temporary
file. Nothing is written into the target before the plan of all shards is made.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import closing
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import psutil
from msgspec import Struct

from cluster.jobs.job_run import JobFailed
from cluster.jobs.sorting import KeyMapSource, SortTask
from cluster.jobs.template import read_counting
from s3gw.config.types import Size
from s3gw.jobs.sorting.creating import Creation
from s3gw.jobs.sorting.external_sort import ExternalSort
from s3gw.jobs.sorting.extracting import Extraction, react
from s3gw.jobs.sorting.key_map import MAX_BYTES, KeyMap, read_key_map
from s3gw.jobs.sorting.planning import Naming, PlannedShard, plan
from s3gw.jobs.sorting.scratch import Room, Scratch
from s3gw.objects.encryption import no_customer_key, refusing_one
from s3gw.objects.service import ObjectService
from s3gw.outbound.addresses import Allowed
from s3gw.outbound.fetch import Fetch, OutboundError
from s3gw.outbound.later import LaterClient
from storage import failpoints
from storage.archives import format_named
from storage.archives.source import collected
from storage.clock import SystemClock
from storage.errors import ObjectNotFound
from storage.values import ReadOptions

if TYPE_CHECKING:
    from cluster.jobs.sort_progress import Phase

# Below this, a budget would be a file for every few records.
_LEAST_MEMORY = 64 << 10
_FETCH_S = 300.0
_SHARE = re.compile(r"(\d{1,3})%")
_SIZE = Size(0, 1 << 62)


class ObjectSorter(Struct, frozen=True):
    """`room` is for temporary files, `allowed` has the addresses that key maps may be fetched
    from."""

    objects: ObjectService
    room: Room
    allowed: Allowed = Allowed()

    async def sort(self, task: SortTask) -> None:
        """Do the whole of it. Raises `JobFailed`, `BucketNotFound`, `StorageError`, and what the
        callbacks of the task do."""
        key_map = await self._key_map(task)
        unlock = refusing_one(self.objects.encryption.unlock(no_customer_key))
        store, archives = self.objects.store, self.objects.archives
        extraction = Extraction(task, store, archives, unlock, self.room, key_map)
        with closing(extraction), closing(Scratch(self.room)) as order:
            planned = await self._plan(task, extraction, key_map, order)
            task.shown.to_create = len(planned)
            begin(task.shown.creation)
            if task.orders.dry_run:
                task.shown.created = len(planned)
            else:
                await self._create(task, extraction, order, planned)
            end(task.shown.creation)

    async def _plan(
        self, task: SortTask, extraction: Extraction, key_map: KeyMap | None, order: Scratch
    ) -> list[PlannedShard]:
        shown, orders = task.shown, task.orders
        sort = ExternalSort(
            self.room,
            budget(orders.memory, psutil.virtual_memory().total),
            task.check,
            decreasing=orders.algorithm.decreasing,
        )
        with closing(sort):
            begin(shown.extraction)
            async for records in extraction.records():
                await asyncio.to_thread(sort.add, records)
            end(shown.extraction)
            begin(shown.sorting)
            naming, size = _naming(task, key_map), _shard_bytes(task, extraction)
            planned = await asyncio.to_thread(
                lambda: plan(sort.sorted(), naming, size, order, task.check)
            )
            end(shown.sorting)
        failpoints.hit("sort_after_plan")
        await task.progress()
        return planned

    async def _create(
        self, task: SortTask, extraction: Extraction, order: Scratch, planned: list[PlannedShard]
    ) -> None:
        bucket = await self.objects.store.head_bucket(task.job.target)
        if task.job.bucket == bucket.name:
            read = {each.shard.info.name for each in extraction.shards.values()}
            for shard in planned:
                if shard.name in read:
                    raise JobFailed(
                        f"the output shard {shard.name} would replace an input shard: choose "
                        "other names, or another output bucket"
                    )
        task.shown.is_creating = True
        await task.save()
        creation = Creation(task, self.objects, bucket, extraction.shards, order)
        await creation.create(planned)

    async def _key_map(self, task: SortTask) -> KeyMap | None:
        source = task.orders.key_map
        if source is None:
            return None
        text = task.inline.encode() or await self._read_map(source)
        place = (source.url.partition("?")[0].partition("#")[0] or source.name).lower()
        return await asyncio.to_thread(
            read_key_map,
            text,
            is_json=place.endswith(".json"),
            separator=source.separator or "\t",
            malformed=partial(react, task, task.orders.reactions.malformed_line),
        )

    async def _read_map(self, source: KeyMapSource) -> bytes:
        if not source.url:
            return await self._read_object(source)
        client = LaterClient(self.allowed)
        try:
            outbound = await client.open()
            fetched = await outbound.get(
                Fetch(source.url, timeout_s=_FETCH_S), limit_bytes=MAX_BYTES
            )
        except OutboundError as error:
            raise JobFailed(f"the external key map cannot be read: {error}") from None
        finally:
            await client.aclose()
        if fetched.status != 200:
            raise JobFailed(f"the external key map cannot be read: status {fetched.status}")
        return fetched.body

    async def _read_object(self, source: KeyMapSource) -> bytes:
        unlock = refusing_one(self.objects.encryption.unlock(no_customer_key))
        options = ReadOptions(unlock=unlock)
        try:
            reading = await self.objects.store.get_object(source.bucket, source.name, options)
        except ObjectNotFound:
            raise JobFailed(f"the external key map {source.name} does not exist") from None
        if reading.info.size > MAX_BYTES:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
            raise JobFailed(f"the external key map {source.name} has more than {MAX_BYTES} bytes")
        return await collected(reading.body)


def begin(phase: Phase) -> None:
    phase.began_ns = SystemClock().now_ns()


def end(phase: Phase) -> None:
    phase.ended_ns = SystemClock().now_ns()


def budget(text: str, total_bytes: int) -> int:
    """Return the bytes of a size such as `256MiB`, or of a share of the memory such as `10%`."""
    if share := _SHARE.fullmatch(text):
        size = total_bytes * int(share[1]) // 100
    else:
        size = _SIZE.from_wire(text)
    return max(size, _LEAST_MEMORY)


def _naming(task: SortTask, key_map: KeyMap | None) -> Naming:
    if key_map is not None:
        return Naming(key_map.templates, task.orders.output_format)
    template = read_counting(task.orders.output)
    assert template is not None, "it was checked when the job was requested"
    return Naming([template], task.orders.output_format)


def _shard_bytes(task: SortTask, extraction: Extraction) -> int:
    """Return how many bytes of content a shard has. Those of compressed shards are more than the
    wanted size, by as much as the input is smaller than its content."""
    orders, content = task.orders, task.shown.bytes
    if not orders.shard_bytes:
        template = read_counting(orders.output)
        assert template is not None, "it was checked when the job was requested"
        return max(1, ceil(content / len(template)))
    kind = format_named(orders.output_format)
    if kind is None or not kind.is_compressed_tar:
        return orders.shard_bytes
    inputs = [each.shard.info.size for each in extraction.shards.values() if each.is_compressed]
    ratio = sum(inputs) / content if content and len(inputs) == len(extraction.shards) else 1.0
    return max(1, int(orders.shard_bytes / min(ratio, 1.0))) if ratio > 0 else orders.shard_bytes
