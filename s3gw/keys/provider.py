"""Protocol of a key provider; a key management service can implement it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

# The key of SSE-S3, and the one of SSE-KMS where a request names none, as at AWS.
S3_KEY = "sse-s3"
KMS_KEY = "aws/s3"


class UnknownKey(Exception):
    """There is no key of that id, or no longer that version of it; `key_id` says which."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id!r}")
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class DataKey:
    """A new key of 32 bytes, and what to keep of it."""

    clear: bytes = field(repr=False)
    wrapped: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key without its secret; times in nanoseconds since the epoch."""

    id: str
    versions: int
    created_ns: int
    rotated_ns: int


class KeyProvider(Protocol):
    """`context` is bound to a data key: it must be the same when the key is asked for."""

    async def generate(self, key_id: str, context: bytes) -> DataKey:
        """Raises `UnknownKey`."""
        ...

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises `UnknownKey`, and `Corrupt` for what was never wrapped so."""
        ...

    async def rewrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The same data key under the key's newest version; `wrapped` itself if it is that."""
        ...

    async def describe(self) -> Sequence[KeyFacts]:
        """All keys, by id."""
        ...
