"""The coordination store: a small ordered key-value store with etcd's interface.

Keys are text, in the order of their bytes; values are bytes. Every transaction that changes
something creates the next revision, a number that only grows; a key's `mod_revision` is the
revision that wrote it last. A transaction first compares revisions: if one comparison fails,
nothing is written. So a writer never overwrites a value that it has not seen.

https://etcd.io/docs/v3.5/learning/api/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

# etcd's limits: it has the same interface and refuses more.
MAX_WRITES = 128
MAX_TRANSACTION_BYTES = 1 << 20
MAX_KEY_BYTES = 1024
# The log of changes holds this many revisions; a reader that missed more reads everything.
KEPT_REVISIONS = 1000


class Entry(Struct, frozen=True):
    key: str
    value: bytes
    mod_revision: int


class Unchanged(Struct, frozen=True):
    """The key was last written at that revision; 0: the key does not exist."""

    key: str
    mod_revision: int


class Put(Struct, frozen=True):
    key: str
    value: bytes


class Delete(Struct, frozen=True):
    key: str


class Change(Struct, frozen=True):
    """What a transaction did to a key; `value` None: the key was deleted."""

    key: str
    value: bytes | None
    revision: int


class Coordination(Protocol):
    def revision(self) -> int:
        """Return the latest revision that this process can see and read. It takes microseconds, so
        a holder of a copy checks it on every use."""
        ...

    def require_current(self) -> None:
        """Raise `DatabaseUnavailable` where what is read may be older than some seconds. Those who
        decide about access ask for it; others may go on with what was last known."""
        ...

    async def catch_up(self) -> None:
        """Make all that was committed before, anywhere, readable here. Raises
        `DatabaseUnavailable`."""
        ...

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        """Return the entries whose keys begin with the prefix, in order, and their revision."""
        ...

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        """Return what was changed since that revision, oldest first; None when that is too long
        ago, and everything has to be read again."""
        ...

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        """Do all writes in one revision and return it; None, with nothing written, when one of
        `unchanged` has changed meanwhile. Durable on return."""
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
