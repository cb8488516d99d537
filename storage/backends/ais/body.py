"""Bodies of objects on their way from another cluster.

A body is read in blocks of at most 64 KiB; the last one of a whole object is compared with the
checksum that the other cluster has of it before it is handed on. Waiting counts, not reading: a
reader may be as slow as it likes, the cluster must send 64 KiB within the time limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import xxhash

from storage.backends.ais.facts import Sum
from storage.backends.ais.place import Place
from storage.backends.ais.service import Service
from storage.backends.resuming import BLOCK_BYTES, Patience
from storage.errors import BackendUnavailable, Corrupt

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_HASHES: Mapping[str, Callable[[], Any]] = {
    "xxhash": xxhash.xxh64,
    "xxhash2": xxhash.xxh64,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}


class Check:
    """Compares the bytes of one object, maybe of several answers, with a checksum; those of a type
    that is not known here are not compared."""

    def __init__(self, expected: Sum) -> None:
        self._expected = expected
        new = _HASHES.get(expected.type)
        self._hash = new() if new is not None and expected.value else None

    def update(self, block: bytes) -> None:
        if self._hash is not None:
            self._hash.update(block)

    def end(self, place: Place) -> None:
        """Raise `Corrupt` if these are other bytes."""
        if self._hash is not None and self._hash.hexdigest() != self._expected.value.lower():
            kind = self._expected.type
            raise Corrupt(f"{place}: its bytes do not match the {kind} that its cluster has of it")


class AnswerReader:
    """The bytes of one answer; `left` counts those that are still to come."""

    def __init__(
        self, service: Service, place: Place, answer: ClientResponse, left: int, check: Check
    ) -> None:
        self.left = left
        self._service = service
        self._place = place
        self._answer = answer
        self._check = check
        self._patience = Patience(service.options.read_timeout_s)

    async def read(self) -> bytes:
        """Return the next block; empty when nothing is left."""
        if not self.left:
            return b""
        block = await self._timed(BLOCK_BYTES)
        if not block or len(block) > self.left:
            raise self._incomplete()
        if len(block) == self.left and await self._timed(1):
            raise self._incomplete()
        self.left -= len(block)
        self._check.update(block)
        if not self.left:
            self._check.end(self._place)
        return block

    async def _timed(self, size: int) -> bytes:
        async with self._service.guarded(self._place):
            return await self._patience.read(self._answer.content.read, size)

    def _incomplete(self) -> BackendUnavailable:
        return BackendUnavailable(str(self._place), "IncompleteBody", f"{self.left} bytes lack")

    def close(self) -> None:
        self._answer.close()
