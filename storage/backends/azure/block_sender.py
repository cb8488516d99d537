"""Blocks of a large body, a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import time

from storage.backends.azure.blocks import Block, Kind, new_tag, put_block
from storage.backends.azure.options import MOST_BLOCK_BYTES, MOST_BLOCKS
from storage.backends.azure.place import Place
from storage.backends.azure.service import Service
from storage.backends.sending import Cutter, Piece
from storage.errors import BackendError

# Before they grow, for a body of unknown length: with blocks of 8 MiB, 2.4 TiB in all.
_BLOCKS_OF_A_SIZE = 4000


class BlockSender:
    def __init__(self, service: Service, place: Place, block_bytes: int) -> None:
        self._service = service
        self._place = place
        self._block_bytes = block_bytes
        self._tag = new_tag()
        self._room = asyncio.Semaphore(service.options.blocks_at_once)
        self._sent: dict[int, Block] = {}

    async def send_all(self, first: Piece, cutter: Cutter) -> list[Block]:
        """Send the first piece and all that follow; return their blocks in order. Raises what the
        body or the digest raises."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._send_pieces(tasks, first, cutter)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return [self._sent[number] for number in sorted(self._sent)]

    async def _send_pieces(self, tasks: asyncio.TaskGroup, first: Piece, cutter: Cutter) -> None:
        piece, number = first, 1
        while True:
            await self._room.acquire()
            tasks.create_task(self._send(number, piece.content))
            if piece.last:
                return
            if number == MOST_BLOCKS:
                raise BackendError(str(self._place), "EntityTooLarge", f"after {number} blocks")
            grown = self._block_bytes * (1 + number // _BLOCKS_OF_A_SIZE)
            piece = await cutter.cut(min(grown, MOST_BLOCK_BYTES))
            number += 1

    async def _send(self, number: int, content: bytes) -> None:
        try:
            md5 = await asyncio.to_thread(_md5, content)
            block = Block(Kind.WHOLE, self._tag, number, time.time_ns(), md5, len(content))
            await put_block(self._service, self._place, block, lambda: content)
        finally:
            self._room.release()
        self._sent[number] = block


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
