"""Bodies of objects on their way from Cloud Storage.

A body is read in blocks of at most 64 KiB; the last one of a whole object is handed on when its
CRC32C is verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.backends.gcp import sums
from storage.backends.gcp.place import Place
from storage.backends.gcp.remote import Remote
from storage.backends.resuming import BLOCK_BYTES, Patience
from storage.errors import BackendUnavailable, Corrupt

if TYPE_CHECKING:
    from aiohttp import ClientResponse


class Check:
    """Compares the bytes of one object, maybe of several answers, with its CRC32C; not at all where
    `expected` is empty."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self._sum = 0

    def update(self, block: bytes) -> None:
        if self._expected:
            self._sum = sums.add(block, self._sum)

    def end(self, place: Place) -> None:
        """Raise `Corrupt` if these are other bytes."""
        if self._expected and sums.shown(self._sum) != self._expected:
            raise Corrupt(f"{place}: its bytes do not have its CRC32C")


class AnswerReader:
    """The bytes of one answer; `left` counts those that are still to come."""

    def __init__(
        self, remote: Remote, place: Place, answer: ClientResponse, left: int, check: Check
    ) -> None:
        self.left = left
        self._remote = remote
        self._place = place
        self._answer = answer
        self._check = check
        self._patience = Patience(remote.options.read_timeout_s)

    async def read(self) -> bytes:
        """Return the next block; empty when nothing is left."""
        if not self.left:
            return b""
        block = await self._timed(BLOCK_BYTES)
        if not block or len(block) > self.left:
            raise self._incomplete(f"{self.left} bytes lack")
        if len(block) == self.left and await self._timed(1):
            raise self._incomplete("more than was announced")
        self.left -= len(block)
        self._check.update(block)
        if not self.left:
            self._check.end(self._place)
        return block

    async def _timed(self, size: int) -> bytes:
        try:
            return await self._patience.read(self._answer.content.read, size)
        except self._remote.foreign as error:
            raise self._remote.translated(error, self._place) from None

    def _incomplete(self, message: str) -> BackendUnavailable:
        return BackendUnavailable(str(self._place), "IncompleteBody", message)

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._answer.close()
