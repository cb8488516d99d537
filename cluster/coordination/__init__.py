"""The cluster's truth: a small ordered key-value store, shaped like etcd.

Keys are text, in the order of their bytes; values are bytes. Every transaction that changes
something makes the next revision, a number that only grows; a key's `mod_revision` is the one that
wrote it last. A transaction compares first: all of its comparisons hold, or nothing is done. So
nobody ever overwrites what they have not seen.

https://etcd.io/docs/v3.5/learning/api/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# As etcd's, which has the same interface and refuses more.
MAX_WRITES = 128
MAX_TRANSACTION_BYTES = 1 << 20
MAX_KEY_BYTES = 1024
# So many revisions can be read again; a reader that missed more reads everything.
KEPT_REVISIONS = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: bytes
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The key was last written at that revision; 0: it is not there."""

    key: str
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Put:
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    key: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did to a key; `value` None: it is gone."""

    key: str
    value: bytes | None
    revision: int


class Coordination(Protocol):
    def revision(self) -> int:
        """The latest one that this process can know of, in microseconds: what it says is there can
        be read. Whoever keeps a copy asks on every use."""
        ...

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        """All entries whose keys begin with the prefix, in order, and the revision they are of."""
        ...

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        """What was changed since that revision, oldest first; None when it is too long ago, and all
        has to be read again."""
        ...

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        """Do all writes in one revision and return it; None, and nothing done, when something has
        changed meanwhile. Durable when it returns."""
        ...


def check_transaction(writes: Sequence[Put | Delete]) -> None:
    """Raise `ValueError` for a transaction that is too large or contradicts itself."""
    keys = {write.key for write in writes}
    if len(keys) < len(writes):
        raise ValueError("a transaction writes each key once")
    if len(writes) > MAX_WRITES:
        raise ValueError(f"a transaction has at most {MAX_WRITES} writes")
    if any(len(key.encode()) > MAX_KEY_BYTES for key in keys):
        raise ValueError(f"a key has at most {MAX_KEY_BYTES} bytes")
    if sum(len(write.value) for write in writes if isinstance(write, Put)) > MAX_TRANSACTION_BYTES:
        raise ValueError(f"the values of a transaction have at most {MAX_TRANSACTION_BYTES} bytes")
