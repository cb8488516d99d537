"""Answers of far services over HTTP: their headers, their bodies, and what opens connections.

A body is read in blocks of at most 64 KiB; the last one is handed on when the end of the answer was
seen and the check agrees. Waiting counts, not reading: a reader may be as slow as it likes, the
service must send 64 KiB within the time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from storage.backends.resuming import BLOCK_BYTES, Patience
from storage.errors import BackendUnavailable

if TYPE_CHECKING:
    from aiohttp import ClientResponse


class Check(Protocol):
    """What is verified of the bytes of one read, maybe of several answers."""

    async def update(self, block: bytes) -> None: ...

    async def end(self) -> None:
        """Raise `Corrupt` or `ObjectChanged` if these are not the bytes of the object."""
        ...


# A block whose foreign errors leave it as those of storage.
Guarded = Callable[[], AbstractAsyncContextManager[None]]


class AnswerReader:
    """The bytes of one answer about `subject`; `left` counts those that are still to come."""

    def __init__(
        self,
        subject: str,
        response: ClientResponse,
        left: int,
        check: Check,
        guarded: Guarded,
        read_timeout_s: float,
    ) -> None:
        self.left = left
        self._subject = subject
        self._response = response
        self._check = check
        self._guarded = guarded
        self._patience = Patience(read_timeout_s)

    async def read(self) -> bytes:
        """The next block; empty when nothing is left. Raises `BackendUnavailable`, and what the
        check raises."""
        if not self.left:
            return b""
        block = await self._timed_read(BLOCK_BYTES)
        if not block or len(block) > self.left:
            raise BackendUnavailable(self._subject, "IncompleteBody", f"{self.left} bytes lack")
        is_last = len(block) == self.left
        if is_last and await self._timed_read(1):
            raise BackendUnavailable(self._subject, "IncompleteBody", "more than was announced")
        await self._check.update(block)
        if is_last:
            await self._check.end()
        self.left -= len(block)
        return block

    async def _timed_read(self, size: int) -> bytes:
        async with self._guarded():
            return await self._patience.read(self._response.content.read, size)

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._response.close()


def lower_case(response: ClientResponse) -> dict[str, str]:
    """Return the headers by names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


def import_connections() -> ModuleType:
    """Return `connections`. It imports aiohttp, which takes a while: call it in a thread."""
    from storage.backends import connections

    return connections
