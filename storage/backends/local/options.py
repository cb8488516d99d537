"""Options of a local store; the defaults were measured."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from storage.blobs.blob import BLOCK

INLINE_LIMIT = 32 * 1024


class Durability(Enum):
    """What an acknowledged write survives: SYNC the loss of power, ASYNC only that of the process,
    because nothing waits for the disk."""

    SYNC = "sync"
    ASYNC = "async"


class StoreOptions(Struct, frozen=True):
    """`inline_limit`: objects of at most so many bytes live in the index. `reserve_bytes`: free
    space that no upload may take, so that deleting still works. `threads`: concurrent disk jobs."""

    inline_limit: int = INLINE_LIMIT
    reserve_bytes: int = 64 * 1024 * 1024
    threads: int = 16
    durability: Durability = Durability.SYNC

    def __post_init__(self) -> None:
        if not 0 <= self.inline_limit < BLOCK:
            raise ValueError(f"inline_limit must be 0 to {BLOCK - 1}, not {self.inline_limit}")
