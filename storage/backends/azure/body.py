"""Bodies of objects on their way from Azure.

A body is read in blocks of at most 64 KiB; the last one is compared with the MD5 that Azure has of
it, if it has one, before it is handed on. Waiting counts, not reading: a reader may be as slow as
it likes, Azure must send 64 KiB within the time limit.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

from storage.backends.azure.place import Place
from storage.backends.azure.service import Service
from storage.backends.resuming import BLOCK_BYTES, Patience
from storage.errors import BackendUnavailable, Corrupt

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_SUMMED_AT_ONCE = 1 << 20


class Check:
    """Compares the bytes of one read, maybe of several answers, with their MD5 in base64. A
    megabyte at once goes to a thread, while the next one comes."""

    def __init__(self, md5: str) -> None:
        self._expected = md5
        self._sum = hashlib.md5(usedforsecurity=False)
        self._waiting: list[bytes] = []
        self._size = 0
        self._adding: asyncio.Future[None] | None = None

    async def update(self, block: bytes) -> None:
        if not self._expected:
            return
        self._waiting.append(block)
        self._size += len(block)
        if self._size >= _SUMMED_AT_ONCE:
            await self._settle()
            blocks, self._waiting, self._size = self._waiting, [], 0
            loop = asyncio.get_running_loop()
            self._adding = loop.run_in_executor(None, self._add, blocks)

    async def end(self, place: Place) -> None:
        """Raise `Corrupt` if these are other bytes."""
        if not self._expected:
            return
        await self._settle()
        self._add(self._waiting)
        if b64encode(self._sum.digest()).decode() != self._expected:
            raise Corrupt(f"{place}: its bytes do not match the MD5 that Azure has of it")

    async def _settle(self) -> None:
        if self._adding is not None:
            await self._adding

    def _add(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._sum.update(block)


class AnswerReader:
    """The bytes of one answer; `left` counts those that are still to come."""

    def __init__(
        self, service: Service, place: Place, response: ClientResponse, left: int, check: Check
    ) -> None:
        self._service = service
        self._place = place
        self._response = response
        self._check = check
        self._patience = Patience(service.options.read_timeout_s)
        self.left = left

    async def read(self) -> bytes:
        """The next block; empty when nothing is left. Raises `BackendUnavailable`, `Corrupt`."""
        if not self.left:
            return b""
        block = await self._timed_read(BLOCK_BYTES)
        if not block or len(block) > self.left:
            raise BackendUnavailable(str(self._place), "IncompleteBody", f"{self.left} bytes lack")
        self.left -= len(block)
        await self._check.update(block)
        if not self.left:
            if await self._timed_read(1):
                raise BackendUnavailable(
                    str(self._place), "IncompleteBody", "more than was announced"
                )
            await self._check.end(self._place)
        return block

    async def _timed_read(self, size: int) -> bytes:
        async with self._service.guarded(self._place):
            return await self._patience.read(self._response.content.read, size)

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._response.close()
