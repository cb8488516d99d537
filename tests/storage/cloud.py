"""A cloud in memory: it makes ETags and times of its own, counts requests, and fails on demand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

import msgspec

from storage.backends.memory import MemoryBackend
from storage.capabilities import Capability
from storage.clock import Clock
from storage.errors import BackendDenied, BackendUnavailable, StorageError
from storage.values import (
    READ_ALL,
    Body,
    BucketInfo,
    CompleteOptions,
    DeleteRequest,
    Deletion,
    ListQuery,
    ObjectInfo,
    Page,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    ReadOptions,
    Stream,
)
from tests.storage.bodies import content_of
from tests.storage.digests import Md5Digest
from tests.storage.sync_bucket import join_etags

BLOCK = 64 << 10

T = TypeVar("T")


class CloudFailed(StorageError):
    """What the cloud says when it was told to fail."""


class Cloud(MemoryBackend):
    """`gate` holds bodies back in their middle while it is closed, and from the number `first_held`
    on at their beginning; `fails_at` ends them there with an error; `is_down` and a
    `refusal` refuse every request; `after_change` is raised after a change was made; `damages`
    sends zeros instead. One that `hides_buckets` does not describe them, as clouds do not to those
    who may read public ones only."""

    capabilities = Capability.UPLOADS

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.requests: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.first_held: int | None = None
        self.damages = False
        self.asked = asyncio.Event()
        self.fails_at: int | None = None
        self.is_down = False
        self.hides_buckets = False
        self.refusal: StorageError | None = None
        self.after_change: type[BaseException] | None = None
        self.waits = asyncio.Event()

    async def head_bucket(self, name: str) -> BucketInfo:
        self._count("bucket")
        if self.hides_buckets:
            raise BackendDenied(f"aws://{name}", "AccessDenied")
        return await super().head_bucket(name)

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        self._count("list")
        return await super().list_objects(bucket, query)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        self._count("head")
        return await super().head_object(bucket, name, options)

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        self._count("get")
        self.asked.set()
        reading = await super().get_object(bucket, name, options)
        body = self._slow(await content_of(reading), self.requests["get"])
        return msgspec.structs.replace(reading, body=body)

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        self._count("put")
        chosen = msgspec.structs.replace(options, digest=Md5Digest())
        return self._changed(await super().put_object(bucket, name, self._refusing(body), chosen))

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        self._count("delete")
        return self._changed(await super().delete_object(bucket, request))

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        self._count("put part")
        chosen = PartOptions(Md5Digest())
        return await super().put_part(bucket, name, upload_id, number, body, chosen)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        self._count("complete")
        chosen = msgspec.structs.replace(options, assemble=join_etags)
        return self._changed(await super().complete_upload(bucket, name, upload_id, chosen))

    def _changed(self, outcome: T) -> T:
        if self.after_change is not None:
            raise self.after_change
        return outcome

    def _count(self, request: str) -> None:
        if self.is_down:
            raise BackendUnavailable("aws", "down")
        if self.refusal is not None:
            raise self.refusal
        self.requests[request] += 1

    async def _slow(self, content: bytes, number: int) -> Stream:
        if self.first_held is not None and number >= self.first_held:
            self.waits.set()
            self.gate.clear()
            await self.gate.wait()
        for start in _starts(content):
            if start >= len(content) // 2:
                self.waits.set()
                await self.gate.wait()
            if self.fails_at is not None and start >= self.fails_at:
                raise CloudFailed("reset")
            block = content[start : start + BLOCK]
            yield bytes(len(block)) if self.damages else block

    async def _refusing(self, body: Body) -> AsyncGenerator[bytes, None]:
        sent = 0
        async for block in body:
            sent += len(block)
            if self.fails_at is not None and sent > self.fails_at:
                raise CloudFailed("refused")
            yield block


def _starts(content: bytes) -> Sequence[int]:
    return range(0, len(content), BLOCK)
