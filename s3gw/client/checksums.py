"""Checksums as AIStore names them: a type and the digest in hex."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

import xxhash

from s3gw.client.errors import ClientError

TYPE_HEADER = "Ais-Checksum-Type"
VALUE_HEADER = "Ais-Checksum-Value"
# The type that uploads are sent with.
UPLOAD_TYPE = "xxhash2"


class Hasher(Protocol):
    def update(self, block: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


# The standard library has no fast crc32c: checksums of that type are not verified here.
_TYPES: Mapping[str, Callable[[], Hasher]] = {
    "xxhash2": xxhash.xxh64,
    "xxhash": xxhash.xxh64,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}


def new_hasher(kind: str = UPLOAD_TYPE) -> Hasher | None:
    """Return None for an unknown type."""
    make = _TYPES.get(kind.lower())
    return make() if make else None


def checksum_headers(hasher: Hasher) -> dict[str, str]:
    """Return the headers by which a server verifies an upload."""
    return {TYPE_HEADER: UPLOAD_TYPE, VALUE_HEADER: hasher.hexdigest()}


class Verifier:
    """Verifies the checksum of an object, from the blocks of a response."""

    def __init__(self, kind: str, expected: str) -> None:
        self._hasher = new_hasher(kind)
        self._expected = expected.lower()

    def update(self, block: bytes) -> None:
        if self._hasher is not None:
            self._hasher.update(block)

    def finish(self, what: str) -> None:
        """Raises `ClientError` when the checksum is wrong."""
        if self._hasher is None or not self._expected:
            return
        if self._hasher.hexdigest() != self._expected:
            raise ClientError(
                f"{what} arrived damaged: its checksum differs from the server's",
                next_step="Try again; `s3gw scrub` verifies what is stored.",
            )
