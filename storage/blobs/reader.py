"""Bodies of objects from folders of blobs, at once or as streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from storage.blobs.blob import BLOCK, FRAME
from storage.blobs.block_cache import BlockCache
from storage.blobs.folder import BlobFolder
from storage.blobs.page_cache import WAITING, CachedFiles, Files, NotCached
from storage.blobs.reading import (
    AT_ONCE,
    BlobRange,
    open_source,
    read_units,
    read_whole,
    stream,
)
from storage.blobs.threads import Threads, disk_errors
from storage.ranges import Between
from storage.values import Stream

T = TypeVar("T")
Args = TypeVarTuple("Args")


class BlobReader:
    """For one event loop; what needs the disk is read in a thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._cache = BlockCache()
        # By the folder's path: each may be on another file system.
        self._cached: dict[Path, CachedFiles] = {}

    async def read(
        self,
        folder: BlobFolder,
        wanted: BlobRange,
        before_stream: Callable[[], Awaitable[None]] | None = None,
    ) -> bytes | Stream:
        """A body of one step at once, a longer one as a stream. Raises `Corrupt`, `Vanished`."""
        encrypted = wanted.data_key is not None
        if _within(wanted, FRAME if encrypted else BLOCK, 1):
            if not encrypted:
                return await self._in_block(folder, wanted)
            return await self._at_once(folder, read_whole, wanted)
        if before_stream is not None:
            await before_stream()
        if not encrypted and _within(wanted, BLOCK, AT_ONCE):
            return await self._at_once(folder, read_whole, wanted)
        source, first = await self._at_once(folder, open_source, wanted)
        return stream(self._threads.disk, source, first, self._cached_files(folder))

    async def _in_block(self, folder: BlobFolder, wanted: BlobRange) -> bytes:
        """Read a block, or a part of one. The first part of it costs the whole block, which is read
        and verified; for others there are the hashes of its units."""
        ((chunk, span),) = wanted.segments
        start = span.start // BLOCK * BLOCK
        block = Between(start, min(start + BLOCK, chunk.size))
        if span == block:
            return await self._at_once(folder, read_whole, wanted)
        key = chunk.blob, start
        found = self._cache.get(key)
        if found is None:
            hashes = self._cache.hashes(key)
            if hashes is not None:
                return await self._at_once(folder, read_units, chunk, span, hashes)
            whole = BlobRange([(chunk, block)], wanted.sidecar)
            found = await self._at_once(folder, read_whole, whole)
            self._cache.remember(key, found)
        return found[span.start - start : span.stop - start]

    async def _at_once(
        self,
        folder: BlobFolder,
        read: Callable[[BlobFolder, Unpack[Args], Files], T],
        *args: *Args,
    ) -> T:
        """Do one step of reading: here if it needs no disk, else in a thread."""
        try:
            with disk_errors():
                return read(folder, *args, self._cached_files(folder))
        except NotCached:
            return await self._threads.run(read, folder, *args, WAITING)

    def _cached_files(self, folder: BlobFolder) -> CachedFiles:
        files = self._cached.get(folder.path)
        if files is None:
            files = self._cached[folder.path] = CachedFiles()
        return files


def _within(wanted: BlobRange, size: int, count: int) -> bool:
    """Whether all is in so many blocks of that size, one after another."""
    if len(wanted.segments) != 1:
        return False
    span = wanted.segments[0][1]
    return (span.stop - 1) // size - span.start // size < count
