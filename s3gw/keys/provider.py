"""Protocol of a key provider; a key management service can implement it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from storage.secret_fields import WithSecretFields

# The key of SSE-S3, and the default key of SSE-KMS, as at AWS.
S3_KEY = "sse-s3"
KMS_KEY = "aws/s3"


class UnknownKey(Exception):
    """The key `key_id`, or the version of it, does not exist (any more)."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id!r}")
        self.key_id = key_id


class DataKey(WithSecretFields, frozen=True):
    """A new key of 32 bytes, with its wrapped form for storage."""

    secret_fields = frozenset({"clear"})

    clear: bytes
    wrapped: bytes
    key_id: str


class KeyFacts(Struct, frozen=True):
    """A key without its secret; times in nanoseconds since the epoch."""

    id: str
    versions: int
    created_ns: int
    rotated_ns: int


class KeyProvider(Protocol):
    """`context` is bound to a data key: it must be the same when the key is unwrapped."""

    async def generate(self, key_id: str, context: bytes) -> DataKey:
        """Create a data key. Raises `UnknownKey`."""
        ...

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the data key. Raises `UnknownKey`, and `Corrupt` for an invalid wrapped key."""
        ...

    async def rewrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Wrap the data key under the key's newest version; return `wrapped` itself if that is
        already the case."""
        ...

    async def describe(self) -> Sequence[KeyFacts]:
        """Return all keys, by id."""
        ...
