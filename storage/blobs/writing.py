"""The write path of one blob, from a body to a file.

The event loop gathers pieces into blocks. Two serial executors take each block: one writes it, the
other digests it, since MD5 is the slower of the two. At most a few blocks of a body are in memory:
one that is being filled and `_AHEAD` + 1 in the executors.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar

from storage.blobs.blob import BLOCK, FRAME, clear_size
from storage.blobs.labels import Label
from storage.blobs.serial_executor import SerialExecutor
from storage.blobs.space import require_room
from storage.blobs.work_file import WorkFile
from storage.cipher import FrameCipher
from storage.disk_errors import disk_error
from storage.index.rows import Chunk
from storage.values import Body, BodyDigest

# Blocks queued beside the one at work, so that an executor need not wait for the loop.
_AHEAD = 1
# Room is looked at once for so many blocks; what runs out in between is ENOSPC.
_ROOM_BLOCKS = 16

L = TypeVar("L", bound=Label)
T = TypeVar("T")


class Blocks:
    """A body of pieces of any size, cut into blocks of `size` bytes. Only the last one is short, or
    the last one before a border: `left` says how many bytes that is ahead, None for never."""

    def __init__(self, body: Body, data_key: bytes | None = None, left: int | None = None) -> None:
        self._pieces = aiter(body)
        self._rest: bytes | memoryview = b""
        self.data_key = data_key
        self.size = BLOCK if data_key is None else FRAME
        self.left = left

    async def next(self) -> bytes:
        """The next block; empty at the end and at a border."""
        if self.left is None:
            return await self._take(self.size)
        block = await self._take(min(self.size, self.left))
        self.left -= len(block)
        return block

    def size_in(self, chunk: Chunk) -> int:
        """How many bytes of the body the blob has."""
        return chunk.size if self.data_key is None else clear_size(chunk.size)

    async def _take(self, size: int) -> bytes:
        held: list[bytes | memoryview] = [self._rest] if self._rest else []
        missing = size - len(self._rest)
        if missing > 0:
            async for piece in self._pieces:
                held.append(piece)
                missing -= len(piece)
                if missing <= 0:
                    break
        self._rest = b""
        if missing < 0:
            last = memoryview(held[-1])
            held[-1], self._rest = last[:missing], last[missing:]
        # A piece that is a block by itself is not copied.
        return b"".join(held)

    async def ended(self) -> bool:
        """Whether the next block would be empty; waits for its first piece to know."""
        if self.left == 0:
            return True
        while not self._rest:
            try:
                self._rest = await anext(self._pieces)
            except StopAsyncIteration:
                return True
        return False


class BlobWriter:
    """Writes one body to a work file. Leaving the `async with` discards the file unless it was
    handed over to the committer."""

    def __init__(self, threads: Executor, file: WorkFile, *, folder: Path, reserve: int) -> None:
        self._threads = threads
        self._file = file
        self._folder = folder
        self._reserve = reserve
        self._handed_over = False
        self._written = 0
        self._cipher: FrameCipher | None = None

    async def __aenter__(self) -> BlobWriter:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if not self._handed_over:
            await asyncio.shield(self._start(self._file.discard))

    async def store(
        self,
        first: bytes,
        blocks: Blocks,
        digest: BodyDigest,
        label: Callable[[Chunk], L],
    ) -> L:
        """Write the body to its end, or to the border, and put the blob in place under its label,
        built when the digest has seen all."""
        if blocks.data_key is not None:
            self._cipher = FrameCipher(blocks.data_key, self._file.id)
        if len(first) < blocks.size:
            return await self._start(self._write_whole, first, digest, label)
        await self._store_blocks(first, blocks, digest)
        return await self._start(self._finish, label)

    async def _store_blocks(self, block: bytes, blocks: Blocks, digest: BodyDigest) -> None:
        writes, digests = SerialExecutor(self._threads), SerialExecutor(self._threads)
        under_way: deque[Future[None]] = deque()
        while block:
            last = self._cipher is not None and await blocks.ended()
            under_way.append(writes.submit(_translated, self._write, block, last))
            under_way.append(digests.submit(digest.update, block))
            while len(under_way) > 2 * _AHEAD:
                await asyncio.wrap_future(under_way.popleft())
            block = await blocks.next()
        for job in under_way:
            await asyncio.wrap_future(job)

    async def place(self, label: Label) -> None:
        """Put a blob in place that is nothing but its label."""
        await self._start(self._file.finish, label)

    def hand_over(self) -> WorkFile:
        """From here on the committer keeps or discards the file."""
        self._handed_over = True
        return self._file

    def _start(self, job: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._threads.submit(_translated, job, *args))

    def _write_whole(self, block: bytes, digest: BodyDigest, label: Callable[[Chunk], L]) -> L:
        digest.update(block)
        self._write(block, last=True)
        return self._finish(label)

    def _write(self, block: bytes, last: bool) -> None:
        if self._written % _ROOM_BLOCKS == 0:
            require_room(self._folder, len(block), self._reserve)
        if self._cipher is not None:
            block = self._cipher.seal(block, self._written, last=last)
        self._written += 1
        self._file.write(block)

    def _finish(self, label: Callable[[Chunk], L]) -> L:
        made = label(self._file.chunk())
        self._file.finish(made)
        return made


def _translated(job: Callable[..., T], *args: Any) -> T:
    try:
        return job(*args)
    except OSError as error:
        raise disk_error(error) from error
