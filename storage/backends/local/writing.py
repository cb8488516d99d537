"""Bodies into blobs: the loop gathers pieces into blocks; one thread writes a block and another one
digests it, MD5 being the slower of the two, while the next block fills. So at most two blocks of a
body are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from storage.backends.local.blobs import BLOCK, WorkFile, require_room
from storage.backends.local.index import storage_error
from storage.backends.local.rows import Chunk, Label
from storage.values import Body, BodyDigest, Sealed

L = TypeVar("L", bound=Label)
T = TypeVar("T")


class Blocks:
    """A body of pieces of any size, cut into blocks; only the last one is short."""

    def __init__(self, body: Body) -> None:
        self._pieces = aiter(body)
        self._held: list[bytes] = []
        self._size = 0

    async def next(self) -> bytes:
        """The next block; empty at the end."""
        if self._size < BLOCK:
            async for piece in self._pieces:
                self._held.append(piece)
                self._size += len(piece)
                if self._size >= BLOCK:
                    break
        return self._cut()

    def _cut(self) -> bytes:
        whole = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        block, rest = (whole, b"") if len(whole) <= BLOCK else (whole[:BLOCK], whole[BLOCK:])
        self._held = [rest] if rest else []
        self._size = len(rest)
        return block


class BlobWriter:
    """Writes one body to a work file. Leaving the `async with` discards the file unless it was
    handed over to the committer."""

    def __init__(self, threads: Executor, file: WorkFile, *, folder: Path, reserve: int) -> None:
        self._threads = threads
        self._file = file
        self._folder = folder
        self._reserve = reserve
        self._handed_over = False

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
        label: Callable[[Sealed, Chunk], L],
    ) -> L:
        """Write the body to its end and put the blob in place under the label of its facts."""
        if len(first) < BLOCK:
            return await self._start(self._write_whole, first, digest, label)
        block = first
        while block:
            writing = self._threads.submit(_translated, self._write, block)
            digesting = self._threads.submit(digest.update, block)
            block = await blocks.next()
            await asyncio.wrap_future(writing)
            await asyncio.wrap_future(digesting)
        return await self._start(self._finish, digest, label)

    async def place(self, label: Label) -> None:
        """Put a blob in place that is nothing but its label."""
        await self._start(self._file.finish, label)

    def hand_over(self) -> WorkFile:
        """From here on the committer keeps or discards the file."""
        self._handed_over = True
        return self._file

    def _start(self, job: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._threads.submit(_translated, job, *args))

    def _write_whole(
        self, block: bytes, digest: BodyDigest, label: Callable[[Sealed, Chunk], L]
    ) -> L:
        digest.update(block)
        self._write(block)
        return self._finish(digest, label)

    def _write(self, block: bytes) -> None:
        require_room(self._folder, len(block), self._reserve)
        self._file.write(block)

    def _finish(self, digest: BodyDigest, label: Callable[[Sealed, Chunk], L]) -> L:
        made = label(digest.seal(), self._file.chunk())
        self._file.finish(made)
        return made


def _translated(job: Callable[..., T], *args: Any) -> T:
    try:
        return job(*args)
    except OSError as error:
        raise storage_error(error) from error
