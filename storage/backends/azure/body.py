"""The MD5 of objects on their way from Azure.

The last block is compared with the MD5 that Azure has of the object, if it has one, before it is
handed on.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode

from storage.backends.azure.place import Place
from storage.errors import Corrupt

_SUMMED_AT_ONCE = 1 << 20


class Check:
    """Compares the bytes of one read, maybe of several answers, with their MD5 in base64. A
    megabyte at once goes to a thread, while the next one comes."""

    def __init__(self, place: Place, md5: str) -> None:
        self._place = place
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

    async def end(self) -> None:
        """Raise `Corrupt` if these are other bytes."""
        if not self._expected:
            return
        await self._settle()
        self._add(self._waiting)
        if b64encode(self._sum.digest()).decode() != self._expected:
            raise Corrupt(f"{self._place}: its bytes do not match the MD5 that Azure has of it")

    async def _settle(self) -> None:
        if self._adding is not None:
            await self._adding

    def _add(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._sum.update(block)
