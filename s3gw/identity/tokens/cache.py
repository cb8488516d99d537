"""Cache of verified tokens, so that requests need not verify them again.

Its keys are the SHA-256 of tokens, so that it holds no usable token. The shards bound the search
for expired entries when room is needed: only one shard is searched.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

SHARDS = 64
# Bounds the memory: an entry has the claims of a token, a few KiB and at most 16.
MAX_ENTRIES = 4_096


class TokenCache(Generic[T]):
    """Each entry has the time of its expiry, in seconds since the epoch."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._shards: tuple[OrderedDict[bytes, tuple[float, T]], ...] = tuple(
            OrderedDict() for _ in range(SHARDS)
        )
        self._limit = max(1, max_entries // SHARDS)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def get(self, digest: bytes, now_s: float) -> T | None:
        shard = self._shards[digest[0] % SHARDS]
        found = shard.get(digest)
        if found is None:
            return None
        if found[0] <= now_s:
            del shard[digest]
            return None
        shard.move_to_end(digest)
        return found[1]

    def put(self, digest: bytes, entry: T, until_s: float, now_s: float) -> None:
        shard = self._shards[digest[0] % SHARDS]
        if len(shard) >= self._limit:
            for old in [key for key, (end_s, _) in shard.items() if end_s <= now_s]:
                del shard[old]
        while len(shard) >= self._limit:
            shard.popitem(last=False)
        shard[digest] = (until_s, entry)

    def drop(self, digest: bytes) -> None:
        self._shards[digest[0] % SHARDS].pop(digest, None)
