"""Checksums of objects on their way from another cluster.

The last block of a whole object is compared with the checksum that the other cluster has of it
before it is handed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import xxhash

from storage.backends.ais.facts import Sum
from storage.backends.ais.place import Place
from storage.errors import Corrupt

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

    def __init__(self, place: Place, expected: Sum) -> None:
        self._place = place
        self._expected = expected
        new = _HASHES.get(expected.type)
        self._hash = new() if new is not None and expected.value else None

    async def update(self, block: bytes) -> None:
        if self._hash is not None:
            self._hash.update(block)

    async def end(self) -> None:
        """Raise `Corrupt` if these are other bytes."""
        if self._hash is not None and self._hash.hexdigest() != self._expected.value.lower():
            kind = self._expected.type
            reason = f"its bytes do not match the {kind} that its cluster has of it"
            raise Corrupt(f"{self._place}: {reason}")
