"""Checksums as AIStore names them: a type and the digest in hex."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

import xxhash

from s3gw.client.errors import ClientError

TYPE_HEADER = "Ais-Checksum-Type"
VALUE_HEADER = "Ais-Checksum-Value"
# What uploads are sent with.
SENT = "xxhash2"


class Hasher(Protocol):
    def update(self, block: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


# crc32c has no fast code in the standard library: those are not verified here.
_TYPES: Mapping[str, Callable[[], Hasher]] = {
    "xxhash2": xxhash.xxh64,
    "xxhash": xxhash.xxh64,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}


def new_hasher(kind: str = SENT) -> Hasher | None:
    """None for a type that is not known here."""
    make = _TYPES.get(kind.lower())
    return make() if make else None


def promise(hasher: Hasher) -> dict[str, str]:
    """The headers that tell a server what it should have got."""
    return {TYPE_HEADER: SENT, VALUE_HEADER: hasher.hexdigest()}


class Check:
    """Sees the blocks of an answer pass, and says at the end whether they are the object's."""

    def __init__(self, kind: str, told: str) -> None:
        self._hasher = new_hasher(kind)
        self._told = told.lower()

    def update(self, block: bytes) -> None:
        if self._hasher is not None:
            self._hasher.update(block)

    def finish(self, what: str) -> None:
        """Raises `ClientError` when the bytes are others."""
        if self._hasher is not None and self._told and self._hasher.hexdigest() != self._told:
            raise ClientError(
                f"{what} arrived damaged: its checksum is not the one that the server told",
                next_step="Try again; `s3gw scrub` verifies what is stored.",
            )
