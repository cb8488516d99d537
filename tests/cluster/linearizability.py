"""Whether operations on one register had an order that explains them all.

An operation took effect at one moment between its call and its return; what a client was told must
be what it then did. One whose outcome nobody knows may have taken effect at any time, or never.
The search is that of Wing and Gong, with the memory of Lowe.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import Enum

from msgspec import Struct

UNKNOWN_END = math.inf


class Kind(Enum):
    READ = "read"
    WRITE = "write"
    CREATE = "create"
    REPLACE = "replace"


class Operation(Struct, frozen=True):
    """`value` is what a read returned, or what the others wrote; `expected` is what a `REPLACE`
    replaces. A register holds None at first. `done` says whether it was told to have written; None
    where that is unknown."""

    kind: Kind
    called: float
    returned: float
    value: int | None
    expected: int | None = None
    done: bool | None = True


class _Register:
    """What an operation does to a value."""

    @staticmethod
    def after(held: int | None, operation: Operation) -> tuple[bool, int | None]:
        """Return whether that is what was told, and the value after it."""
        match operation.kind:
            case Kind.READ:
                return operation.value == held, held
            case Kind.WRITE:
                writes = True
            case Kind.CREATE:
                writes = held is None
            case Kind.REPLACE:
                writes = held == operation.expected
        as_told = operation.done is None or operation.done == writes
        return as_told, operation.value if writes else held


def is_linearizable(operations: Sequence[Operation]) -> bool:
    ordered = sorted(operations, key=lambda operation: operation.called)
    needed = sum(1 << at for at, each in enumerate(ordered) if each.returned < UNKNOWN_END)
    seen: set[tuple[int, int | None]] = set()
    waiting: list[tuple[int, int | None]] = [(0, None)]
    while waiting:
        taken, held = waiting.pop()
        if taken & needed == needed:
            return True
        for at in _next(ordered, taken):
            as_told, value = _Register.after(held, ordered[at])
            step = taken | 1 << at, value
            if as_told and step not in seen:
                seen.add(step)
                waiting.append(step)
    return False


def _next(ordered: Sequence[Operation], taken: int) -> Iterator[int]:
    """Yield the operations that may be next: none of the others had returned before their call."""
    left = [at for at in range(len(ordered)) if not taken >> at & 1]
    first_return = min(ordered[at].returned for at in left)
    for at in left:
        if ordered[at].called > first_return:
            return
        yield at
