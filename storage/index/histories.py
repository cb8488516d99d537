"""The order of a name's versions when some come back from labels.

An old index has them in the order that they were written in; a label has a time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from storage.index.rows import Row


class HasRow(Protocol):
    @property
    def row(self) -> Row: ...


V = TypeVar("V", bound=HasRow)


class Merged(NamedTuple, Generic[V]):
    """`versions`, newest first; `restored` of them came back, and `dropped` are left out."""

    versions: list[V]
    restored: int
    dropped: list[V]


def merge(old: Sequence[V], restored: Sequence[V]) -> Merged[V]:
    """Put versions that came back among those of an old index; both are given newest first. Of null
    versions only the newest stays; the order of what was there stays too."""
    new: dict[str, V] = {}
    dropped: list[V] = []
    for version in restored:
        if new.setdefault(version.row.version, version) is not version:
            dropped.append(version)
    dropped += [version for version in old if version.row.version in new]
    kept = [version for version in old if version.row.version not in new]
    return Merged(_in_order(kept, list(new.values())), len(new), dropped)


def _in_order(old: Sequence[V], new: Sequence[V]) -> list[V]:
    """The old keep their order, whatever their times say."""
    merged: list[V] = []
    left = list(reversed(new))
    for version in old:
        while left and left[-1].row.modified_ns > version.row.modified_ns:
            merged.append(left.pop())
        merged.append(version)
    return [*merged, *reversed(left)]
