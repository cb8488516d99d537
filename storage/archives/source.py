"""Ranged reads of one version of an archive."""

from __future__ import annotations

from contextlib import aclosing

from msgspec import Struct
from msgspec.structs import replace

from storage.backend import Backend
from storage.errors import ObjectChanged
from storage.ranges import Between
from storage.values import (
    NULL_VERSION,
    READ_ALL,
    ObjectInfo,
    Reading,
    ReadOptions,
    Stream,
)

# Index builders read as much at a time: a block of the local store.
WINDOW = 512 << 10


class Source(Struct, frozen=True):
    """One version of one object, read as `how` says, which has no condition and no range. Every
    read raises `ObjectChanged` once it is another."""

    store: Backend
    bucket: str
    info: ObjectInfo
    how: ReadOptions = READ_ALL

    @property
    def size(self) -> int:
        return self.info.size

    def options(self, span: Between) -> ReadOptions:
        """A null version can be replaced, and is looked at again; another is what it is."""
        is_null = self.info.version == NULL_VERSION
        version = self.how.version if is_null else self.info.version
        return replace(self.how, want=span, version=version)

    def is_same(self, info: ObjectInfo) -> bool:
        mine = self.info
        return (info.etag, info.modified_ns, info.size, info.version) == (
            mine.etag,
            mine.modified_ns,
            mine.size,
            mine.version,
        )

    async def open(self, span: Between) -> bytes | Stream:
        """Those bytes, which must lie in the object."""
        if not len(span):
            return b""
        name = self.info.name
        reading = await self.store.get_object(self.bucket, name, self.options(span))
        if not self.is_same(reading.info):
            await close(reading)
            raise ObjectChanged(name)
        return reading.body

    async def read(self, start: int, stop: int) -> bytes:
        """A few bytes; all of them."""
        return await collected(await self.open(Between(start, stop)))


async def collected(body: bytes | Stream) -> bytes:
    """All of a body that is known to be short."""
    if isinstance(body, bytes):
        return body
    async with aclosing(body):
        return b"".join([piece async for piece in body])


async def close(reading: Reading) -> None:
    if not isinstance(reading.body, bytes):
        await reading.body.aclose()
