"""A cache of the indexes of archives, in memory and on disk.

An index belongs to one version of one object, so it never becomes wrong; indexes are dropped only
to make room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from storage.archives.index import ShardIndex
from storage.archives.index_key import IndexKey
from storage.archives.keyed_lock import KeyedLock
from storage.archives.saved import SavedIndexes

MEMORY_BYTES = 64 << 20


class IndexCache:
    """`limit_bytes` of indexes in memory, the ones used last, and one at least; for one event
    loop."""

    def __init__(self, limit_bytes: int = MEMORY_BYTES, saved: SavedIndexes | None = None) -> None:
        self._limit = limit_bytes
        self._saved = saved
        self._indexes: OrderedDict[IndexKey, ShardIndex] = OrderedDict()
        self._bytes = 0
        self._building = KeyedLock()

    async def get(
        self, key: IndexKey, build: Callable[[], Awaitable[ShardIndex]], *, secret: bool
    ) -> ShardIndex:
        """The index, built once however many want it. A `secret` one is never written down: the
        names of an encrypted object's members are part of what is encrypted."""
        if (index := self._find(key)) is not None:
            return index
        async with self._building.hold(key):
            if (index := self._find(key)) is not None:
                return index
            index = await self._load_or_build(key, build, secret=secret)
            self._keep(key, index)
            return index

    def at_hand(self, key: IndexKey) -> ShardIndex | None:
        """The index, if it is in memory."""
        return self._find(key)

    async def _load_or_build(
        self, key: IndexKey, build: Callable[[], Awaitable[ShardIndex]], *, secret: bool
    ) -> ShardIndex:
        if self._saved is None or secret:
            return await build()
        index = await self._saved.load(key)
        if index is None:
            index = await build()
            await self._saved.save(key, index)
        return index

    def _find(self, key: IndexKey) -> ShardIndex | None:
        index = self._indexes.get(key)
        if index is not None:
            self._indexes.move_to_end(key)
        return index

    def _keep(self, key: IndexKey, index: ShardIndex) -> None:
        self._indexes[key] = index
        self._bytes += index.memory_bytes
        while self._bytes > self._limit and len(self._indexes) > 1:
            self._bytes -= self._indexes.popitem(last=False)[1].memory_bytes
